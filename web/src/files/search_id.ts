/** Names the field that finds files. */
export const FILE_SEARCH_ID = "file-search";
