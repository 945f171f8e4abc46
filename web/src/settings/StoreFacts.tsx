/** What the daemon says of itself and of its store. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { fetchDaemon, fetchUsage, type StoreUsage } from "../api/store";
import { uploadFacts, uploadTone, uploadWords } from "../app/upload_words";
import { useUpload } from "../data/queries";
import { formatMeasure } from "../format/measure";
import { formatCount, plural } from "../format/number";
import { formatDuration } from "../format/time";
import { CopyButton } from "../ui/CopyButton";
import { Refusal } from "../ui/Problem";
import styles from "./Settings.module.css";

const FACTS_INTERVAL_MS = 5000;

/** A team server has no process and no disk of its own to speak of: its store is a bucket. */
export function StoreFacts({ isServer }: { isServer: boolean }) {
  const daemon = useQuery({
    queryKey: ["daemon"],
    queryFn: ({ signal }) => fetchDaemon(signal),
    staleTime: 0,
    refetchInterval: FACTS_INTERVAL_MS,
  });
  const usage = useQuery({
    queryKey: ["usage"],
    queryFn: ({ signal }) => fetchUsage(signal),
    staleTime: 0,
    enabled: !isServer,
  });
  if (daemon.error && !daemon.data) return <Refusal error={daemon.error} retry={() => void daemon.refetch()} />;
  const facts = daemon.data;
  return (
    <>
      <dl className={styles.facts} aria-busy={!facts}>
        <Fact name="Store">
          {facts && (
            <>
              <code>{facts.store_path}</code> <CopyButton text={() => facts.store_path} label="Copy the store's path" />
            </>
          )}
        </Fact>
        <Fact name="trackd">{facts && `${facts.version}, protocol ${facts.protocol_version}`}</Fact>
        {!isServer && (
          <>
            <Fact name="Daemon">
              {facts && `process ${facts.pid}, for ${formatDuration(1000 * facts.uptime_seconds)}`}
            </Fact>
            <Fact name="Open writers">{facts && formatCount(facts.open_writer_count)}</Fact>
            <UploadFact />
          </>
        )}
      </dl>
      {!isServer && <OnDisk usage={usage.data} error={usage.error} />}
    </>
  );
}

function OnDisk({ usage, error }: { usage: StoreUsage | undefined; error: Error | null }) {
  return (
    <>
      <h3>On the disk</h3>
      {error && !usage ? (
        <p className={styles.about}>How much the store takes could not be found out: {error.message}.</p>
      ) : (
        <dl className={styles.facts} aria-busy={!usage}>
          {usageFacts(usage).map(([name, value]) => (
            <Fact key={name} name={name}>
              {value}
            </Fact>
          ))}
        </dl>
      )}
    </>
  );
}

function UploadFact() {
  const { data: upload } = useUpload();
  const tone = upload && uploadTone(upload);
  return (
    <Fact name="Upload">
      {upload &&
        (tone ? (
          <>
            {uploadWords(upload, tone)}
            {uploadFacts(upload).map(([name, value]) => (
              <span key={name} className={styles.detail}>
                {name}: {value}
              </span>
            ))}
          </>
        ) : (
          <>
            off; <code>trackd upload s3://BUCKET/PREFIX</code> copies what is logged to a bucket while it trains
          </>
        ))}
    </Fact>
  );
}

const bytes = (size: number | undefined) => (size === undefined ? "" : formatMeasure(size, "bytes"));

function usageFacts(usage: StoreUsage | undefined): [name: string, value: string][] {
  const garbage = usage && `${bytes(usage.garbage_bytes)} in ${plural(usage.garbage_count, "file")}`;
  return [
    ["Points", bytes(usage?.segment_bytes)],
    ["Files and media", bytes(usage?.object_bytes)],
    ["Logs", bytes(usage?.log_bytes)],
    ["Used by no run", usage?.garbage_count ? `${garbage}; trackd gc removes them` : usage ? "nothing" : ""],
  ];
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
