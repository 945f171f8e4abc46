/** What the pages of people ask and change. */
import { type QueryClient, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { fetchAllKeys, fetchKeys, fetchMe, fetchTeam, fetchTeams, fetchUsers } from "../api/people";

export const peopleKeys = {
  me: ["me"] as const,
  keys: ["api-keys"] as const,
  allKeys: ["api-keys", "all"] as const,
  teams: ["teams"] as const,
  team: (name: string) => ["teams", name] as const,
  users: ["users"] as const,
};

export const useMe = () => useQuery({ queryKey: peopleKeys.me, queryFn: ({ signal }) => fetchMe(signal) });

export const useKeys = () =>
  useQuery({ queryKey: peopleKeys.keys, queryFn: ({ signal }) => fetchKeys(signal), staleTime: 0 });

export const useAllKeys = () =>
  useQuery({ queryKey: peopleKeys.allKeys, queryFn: ({ signal }) => fetchAllKeys(signal), staleTime: 0 });

export const useTeams = () =>
  useQuery({ queryKey: peopleKeys.teams, queryFn: ({ signal }) => fetchTeams(signal), staleTime: 0 });

export const useTeam = (name: string) =>
  useQuery({ queryKey: peopleKeys.team(name), queryFn: ({ signal }) => fetchTeam(name, signal), staleTime: 0 });

export const useUsers = () =>
  useQuery({ queryKey: peopleKeys.users, queryFn: ({ signal }) => fetchUsers(signal), staleTime: 0 });

export interface Changes {
  /** Why the last change was not made, as the API says it. */
  problem: string | null;
  isBusy: boolean;
  /** Makes a change, then asks anew for what it is about. Says whether it was made. */
  change: (make: () => Promise<unknown>) => Promise<boolean>;
}

/** @param stale what a change has made out of date. */
export function useChanges(stale: readonly string[]): Changes {
  const client: QueryClient = useQueryClient();
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const change = async (make: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await make();
      setProblem(null);
      return true;
    } catch (error) {
      setProblem((error as Error).message);
      return false;
    } finally {
      setBusy(false);
      await client.invalidateQueries({ queryKey: stale });
    }
  };
  return { problem, isBusy, change };
}
