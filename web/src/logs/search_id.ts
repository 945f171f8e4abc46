/** Names the field to search a console with, for the key that puts the focus there. */
export const CONSOLE_SEARCH_ID = "console-search";
