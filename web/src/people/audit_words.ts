/** What an entry of the audit says, as a sentence without its actor. Pure. */
import type { AuditEntry } from "../api/people";
import { isolate } from "../format/isolated";

/** `user:ada` without its kind. */
const nameOf = (subject: string): string => subject.slice(subject.indexOf(":") + 1);

export function auditWords({ action, subject, detail, actor }: AuditEntry): string {
  const of = (name: string): string => isolate(String(detail[name] ?? ""));
  const name = isolate(nameOf(subject));
  const whose = detail.user === actor || detail.user === undefined ? "" : ` of ${of("user")}`;
  switch (action) {
    case "user.create":
      return `made user ${name}${detail.is_server_admin === true ? ", a server admin" : ""}`;
    case "user.disable":
      return `disabled user ${name}`;
    case "user.enable":
      return `let user ${name} in again`;
    case "user.set_password":
      return `gave user ${name} another password`;
    case "user.change_password":
      return "changed their password";
    case "user.set_identity":
      return `gave user ${name} an identity at ${of("issuer")}`;
    case "user.set_server_admin":
      return detail.is_server_admin === true
        ? `made user ${name} a server admin`
        : `made user ${name} a server admin no longer`;
    case "team.create":
      return `made team ${name}`;
    case "team.set_role":
      return `made ${of("user")} ${of("role")} of team ${name}`;
    case "team.remove":
      return detail.user === actor ? `left team ${name}` : `took ${of("user")} out of team ${name}`;
    case "project.claim":
      return `began project ${name} for team ${of("team")}`;
    case "project.assign":
      return `gave project ${name} to team ${of("team")}${detail.former ? `, which was of ${of("former")}` : ""}`;
    case "key.create":
      return `made key ${name}${whose}, to ${scopeWords(detail.scope)}${detail.project ? ` in project ${of("project")}` : ""}`;
    case "key.revoke":
      return `revoked key ${name}${whose}`;
    case "session.begin":
      return detail.by === "identity" ? "signed in by another site" : "signed in";
    case "session.end":
      return "signed out";
    case "session.end_all":
      return nameOf(subject) === actor ? "ended all sessions of their own" : `ended all sessions of ${name}`;
    case "session.refuse":
      if (detail.by === "identity") {
        const email = detail.email ? ` (${of("email")})` : "";
        return `was refused: no user has subject ${of("identity")}${email} at ${of("issuer")}`;
      }
      return "was refused at sign-in";
    case "run.delete":
      return `deleted run ${name}`;
    default:
      return `${action} ${isolate(subject)}`;
  }
}

const scopeWords = (scope: unknown): string =>
  scope === "read" ? "read" : scope === "admin" ? "do all that its user may" : "send runs";

/** Who did it, where nobody has signed in. */
export const actorWords = (actor: string): string =>
  actor === ""
    ? "somebody"
    : actor === "@operator"
      ? "a command on the server"
      : actor === "@oidc"
        ? "a first sign-in"
        : actor;
