/** The routes of people, which a team server has: signing in, oneself, keys, teams, users, the audit. */
import { ask, deleteAt, getJson, postForJson, putJson, putRenewing } from "./http";

export type Role = "reader" | "writer" | "admin";
export type Scope = "read" | "write" | "admin";

export const ROLES: readonly Role[] = ["reader", "writer", "admin"];

export interface WaysIn {
  password: boolean;
  /** Another site that says who somebody is. */
  oidc: { title: string } | null;
}

export interface Me {
  user: string;
  display_name: string;
  has_password: boolean;
  is_server_admin: boolean;
  scope: Scope;
  project: string;
  way: "session" | "key";
  key_id: string;
  expire_time_unix_ms: number | null;
  teams: { name: string; role: Role }[];
}

export interface ApiKey {
  id: string;
  begins_with: string;
  user: string;
  label: string;
  scope: Scope;
  /** Empty for all. */
  project: string;
  create_time_unix_ms: number;
  expire_time_unix_ms: number | null;
  revoke_time_unix_ms: number | null;
  use_time_unix_ms: number | null;
}

export interface NewKey {
  label: string;
  scope: Scope;
  project: string;
  /** null for ever. */
  lifetime_days: number | null;
}

export interface Team {
  name: string;
  create_time_unix_ms: number;
  member_count: number;
  project_count: number;
}

export interface WholeTeam {
  name: string;
  members: { user: string; role: Role }[];
  projects: string[];
}

export interface User {
  name: string;
  display_name: string;
  has_password: boolean;
  /** Of the identity in the place of a password. */
  issuer: string | null;
  is_server_admin: boolean;
  create_time_unix_ms: number;
  disable_time_unix_ms: number | null;
  sign_in_time_unix_ms: number | null;
}

export interface NewUser {
  name: string;
  display_name: string;
  /** null for one who comes in by an identity or by keys. */
  password: string | null;
  is_server_admin: boolean;
}

export interface AuditEntry {
  /** What the next page begins after. */
  id: string;
  time_unix_ms: number;
  actor: string;
  address: string;
  action: string;
  subject: string;
  detail: Readonly<Record<string, unknown>>;
}

export interface AuditQuestion {
  by: string;
  action: string;
  subject: string;
}

const API = "/api/v1";
const part = encodeURIComponent;
const teamAddress = (team: string) => `${API}/teams/${part(team)}`;
const memberAddress = (team: string, user: string) => `${teamAddress(team)}/members/${part(user)}`;
const userAddress = (user: string) => `${API}/users/${part(user)}`;

export const fetchWaysIn = (signal?: AbortSignal) => getJson<WaysIn>(`${API}/sign-in`, signal);
export const signIn = (name: string, password: string) => postForJson(`${API}/session`, { name, password });
export const signOut = () => deleteAt(`${API}/session`);
/** Leads to the other site, and from there to a place of the app. */
export const otherSiteAddress = (to: string) => `${API}/oidc/begin?${new URLSearchParams({ to })}`;

export const fetchMe = (signal?: AbortSignal) => getJson<Me>(`${API}/me`, signal);
export const changePassword = (former: string, password: string) =>
  putRenewing(`${API}/me/password`, { former, password });
export const endSessions = () => deleteAt(`${API}/me/sessions`);

export const fetchKeys = async (signal?: AbortSignal) =>
  (await getJson<{ keys: ApiKey[] }>(`${API}/me/keys`, signal)).keys;
export const fetchAllKeys = async (signal?: AbortSignal) =>
  (await getJson<{ keys: ApiKey[] }>(`${API}/keys`, signal)).keys;
export const makeKey = (key: NewKey) => postForJson<{ key: ApiKey; text: string }>(`${API}/me/keys`, key);
export const revokeKey = (id: string) => deleteAt(`${API}/keys/${part(id)}`);

export const fetchTeams = async (signal?: AbortSignal) =>
  (await getJson<{ teams: Team[] }>(`${API}/teams`, signal)).teams;
export const fetchTeam = (name: string, signal?: AbortSignal) => getJson<WholeTeam>(teamAddress(name), signal);
export const makeTeam = (name: string) => postForJson(`${API}/teams`, { name });
export const setRole = (team: string, user: string, role: Role) => putJson(memberAddress(team, user), { role });
export const removeMember = (team: string, user: string) => deleteAt(memberAddress(team, user));
export const assignProject = (team: string, project: string) =>
  putJson(`${teamAddress(team)}/projects/${part(project)}`, {});

export const fetchUsers = async (signal?: AbortSignal) =>
  (await getJson<{ users: User[] }>(`${API}/users`, signal)).users;
export const makeUser = (user: NewUser) => postForJson(`${API}/users`, user);
export const changeUser = (name: string, change: { is_disabled?: boolean; is_server_admin?: boolean }) =>
  ask(userAddress(name), {
    method: "PATCH",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(change),
  });
export const setPassword = (name: string, password: string) => putJson(`${userAddress(name)}/password`, { password });
export const setIdentity = (name: string, issuer: string, subject: string) =>
  putJson(`${userAddress(name)}/identity`, { issuer, subject });

/** The entries after one, newest first. */
export async function fetchAudit(
  question: AuditQuestion,
  before: string,
  limit: number,
  signal?: AbortSignal,
): Promise<AuditEntry[]> {
  const query = new URLSearchParams({ ...question, before, limit: String(limit) });
  return (await getJson<{ entries: AuditEntry[] }>(`${API}/audit?${query}`, signal)).entries;
}
