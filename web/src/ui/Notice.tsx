/** The quiet bar at the bottom of the page. */
import { useSyncExternalStore } from "react";
import { CrossIcon } from "./icons";
import styles from "./Notice.module.css";
import { endNotice, holdNotice, runNoticeAction, shownNotice, subscribeNotice } from "./notices";

/** Stands once in a page that shows notices. */
export function Notice() {
  const shown = useSyncExternalStore(subscribeNotice, shownNotice);
  const notice = shown?.notice;
  return (
    <div className={styles.place}>
      <div
        className={styles.bar}
        hidden={!notice}
        data-bad={notice?.isBad}
        onPointerEnter={() => holdNotice(true)}
        onPointerLeave={() => holdNotice(false)}
        onFocus={() => holdNotice(true)}
        onBlur={() => holdNotice(false)}
      >
        <span role="status">{notice?.words}</span>
        {notice?.isCountdown && <span aria-hidden="true">in {shown!.secondsLeft} s</span>}
        {notice?.action && (
          <button type="button" onClick={runNoticeAction}>
            {notice.action.label}
          </button>
        )}
        {notice && !notice.isCountdown && (
          <button type="button" className="quiet icon" aria-label="Close the notice" onClick={endNotice}>
            <CrossIcon />
          </button>
        )}
      </div>
    </div>
  );
}
