import { describe, expect, it } from "vitest";
import type { ApiKey, AuditEntry } from "../src/api/people";
import { isSignedOut, noteSignedOut, subscribeSignedOut } from "../src/api/signed_out";
import { actorWords, auditWords } from "../src/people/audit_words";
import { expiryWords, keyEnd, lastUseWords, lifetimeWords, problemWords, takeProblem } from "../src/people/words";
import { parseRoute } from "../src/url/route";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = 1_800_000_000_000;

const KEY: ApiKey = {
  id: "k",
  begins_with: "trk_k",
  user: "ada",
  label: "",
  scope: "write",
  project: "",
  create_time_unix_ms: NOW - DAY,
  expire_time_unix_ms: NOW + DAY,
  revoke_time_unix_ms: null,
  use_time_unix_ms: null,
};

describe("a key", () => {
  it("is of use until it expires or is revoked, whichever is first", () => {
    expect(keyEnd(KEY, NOW)).toBeNull();
    expect(keyEnd({ ...KEY, expire_time_unix_ms: null }, NOW)).toBeNull();
    expect(keyEnd({ ...KEY, expire_time_unix_ms: NOW }, NOW)).toBe("expired just now");
    expect(keyEnd({ ...KEY, revoke_time_unix_ms: NOW - 3 * HOUR }, NOW)).toBe("revoked 3 h ago");
    expect(keyEnd({ ...KEY, expire_time_unix_ms: NOW - DAY, revoke_time_unix_ms: NOW - 2 * DAY }, NOW)).toBe(
      "revoked 2 days ago",
    );
  });

  it("says how long it is of use, never more than is left", () => {
    expect(expiryWords(null, NOW)).toBe("never expires");
    expect(expiryWords(NOW + HOUR - 1, NOW)).toBe("expires within the hour");
    expect(expiryWords(NOW + 2 * DAY - 1, NOW)).toBe("expires in 47 h");
    expect(expiryWords(NOW + 90 * DAY - 1, NOW)).toBe("expires in 89 days");
    expect(lastUseWords(null, NOW)).toBe("never used");
    expect(lastUseWords(NOW - 5 * 60_000, NOW)).toBe("used 5 min ago");
    expect([7, 365, null].map(lifetimeWords)).toEqual(["7 days", "1 year", "for ever"]);
  });
});

describe("a sign-in that failed at another site", () => {
  it("is taken from the address, of which the rest stays", () => {
    expect(takeProblem("?filter=a%20b&sign_in_problem=unknown&x=1")).toEqual({
      problem: "unknown",
      search: "?filter=a%20b&x=1",
    });
    expect(takeProblem("?sign_in_problem=expired")).toEqual({ problem: "expired", search: "" });
    expect(takeProblem("?filter=a+b")).toEqual({ problem: null, search: "?filter=a+b" });
  });

  it("has a sentence of ours, whatever the address says", () => {
    expect(problemWords(null)).toBeNull();
    expect(problemWords("expired")).toContain("Try again");
    for (const name of ["<b>call us</b>", "toString", "__proto__", ""]) {
      expect(problemWords(name)).toBe("You were not signed in. Try again.");
    }
  });
});

describe("the audit", () => {
  const entry = (action: string, subject: string, detail: AuditEntry["detail"] = {}, actor = "root"): AuditEntry => ({
    ...{ id: "1-1", time_unix_ms: NOW, address: "", actor },
    ...{ action, subject, detail },
  });

  it("is written in sentences", () => {
    const told = [
      entry("user.create", "user:ada", { is_server_admin: true }),
      entry("user.set_server_admin", "user:ada", { is_server_admin: false }),
      entry("team.set_role", "team:vision", { user: "ada", role: "writer" }),
      entry("team.remove", "team:vision", { user: "root" }),
      entry("project.assign", "project:a:b", { team: "vision", former: "speech" }),
      entry("key.create", "key:k1", { user: "root", scope: "read", project: "p" }),
      entry("key.revoke", "key:k1", { user: "ada" }),
      entry("session.refuse", "", { by: "identity", issuer: "https://id", identity: "7", email: "a@b" }, ""),
      entry("run.delete", "run:p/r"),
      entry("later.thing", "thing:x"),
    ].map(auditWords);
    expect(told).toEqual([
      "made user ada, a server admin",
      "made user ada a server admin no longer",
      "made ada writer of team vision",
      "left team vision",
      "gave project a:b to team vision, which was of speech",
      "made key k1, to read in project p",
      "revoked key k1 of ada",
      "was refused: no user has subject 7 (a@b) at https://id",
      "deleted run p/r",
      "later.thing thing:x",
    ]);
    expect(["", "@operator", "ada"].map(actorWords)).toEqual(["somebody", "a command on the server", "ada"]);
  });

  it("lets no name turn the sentence round", () => {
    const words = auditWords(entry("project.claim", "project:\u202eevil", { team: "t" }));
    expect(words).toBe("began project \u2068\u202eevil\u2069 for team t");
  });
});

describe("the pages of settings", () => {
  it("have addresses of their own", () => {
    expect(parseRoute("/settings")).toEqual({ page: "settings", part: "" });
    expect(parseRoute("/settings/")).toEqual({ page: "settings", part: "" });
    expect(parseRoute("/settings/audit")).toEqual({ page: "settings", part: "audit" });
    for (const path of ["/settings/none", "/settings/teams/x", "/presets/x"]) {
      expect(parseRoute(path)).toEqual({ page: "unknown" });
    }
  });
});

it("tells whoever listens once nobody is signed in", () => {
  let count = 0;
  const leave = subscribeSignedOut(() => count++);
  expect(isSignedOut()).toBe(false);
  noteSignedOut();
  expect([isSignedOut(), count]).toEqual([true, 1]);
  leave();
  noteSignedOut();
  expect(count).toBe(1);
});
