/** Which columns the runs of a project have, found by name, more of them as one looks further. */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { type ColumnInfo, type ColumnsQuestion, fetchColumns } from "../api/run_sets";
import { queryKeys } from "../data/queries";

const PAGE_COLUMNS = 200;

/** @param isWanted whether anybody looks. */
export const useColumns = (project: string, question: ColumnsQuestion, isWanted = true) =>
  useQuery({
    queryKey: [...queryKeys.runColumns(project), question],
    queryFn: ({ signal }) => fetchColumns(project, question, signal),
    placeholderData: keepPreviousData,
    enabled: isWanted,
  });

export interface FoundColumns {
  totalCount: number;
  columns: readonly ColumnInfo[];
  isBusy: boolean;
  error: Error | null;
  /** Asks for the next ones; null at the end. */
  more: (() => void) | null;
}

export function useFoundColumns(project: string, search: string, varying: boolean, filter: string): FoundColumns {
  const query = useInfiniteQuery({
    queryKey: [...queryKeys.runColumns(project), "pages", search, varying, filter],
    queryFn: ({ signal, pageParam }) =>
      fetchColumns(project, { search, varying, filter, offset: pageParam, limit: PAGE_COLUMNS }, signal),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => {
      const count = pages.reduce((sum, page) => sum + page.columns.length, 0);
      return last.columns.length > 0 && count < last.total_count ? count : undefined;
    },
    placeholderData: keepPreviousData,
  });
  const canAsk = query.hasNextPage && !query.isFetchingNextPage;
  return {
    totalCount: query.data?.pages.at(-1)?.total_count ?? 0,
    columns: query.data?.pages.flatMap((page) => page.columns) ?? [],
    isBusy: query.isPending || query.isPlaceholderData,
    error: query.error,
    more: canAsk ? () => void query.fetchNextPage() : null,
  };
}
