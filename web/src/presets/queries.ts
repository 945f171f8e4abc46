/** What the page of presets asks and changes. */
import { type QueryClient, useQuery } from "@tanstack/react-query";
import { deletePreset, fetchPreset, fetchPresets, savePreset, type WholePreset } from "../api/records";

export const usePresets = () =>
  useQuery({ queryKey: ["presets"], queryFn: ({ signal }) => fetchPresets(signal), staleTime: 0 });

export const usePreset = (id: string) =>
  useQuery({ queryKey: ["presets", id], queryFn: ({ signal }) => fetchPreset(id, signal), staleTime: 0 });

export async function save(client: QueryClient, preset: WholePreset, title = preset.title): Promise<void> {
  await savePreset(preset.id, { title, specification: preset.specification });
  await forget(client);
}

export async function remove(client: QueryClient, id: string): Promise<void> {
  await deletePreset(id);
  await forget(client);
}

/** Asks anew what shows presets: lists, and charts that are drawn by one. */
async function forget(client: QueryClient): Promise<void> {
  await client.invalidateQueries({ queryKey: ["presets"] });
  await client.invalidateQueries({ queryKey: ["plot"] });
}
