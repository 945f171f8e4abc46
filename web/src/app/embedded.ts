/** Whether the page stands within another one, such as a cell of a notebook: `?embed=1`. Then it has no header and no list of runs. */

// Of the address that the frame was opened with: what changes the view later need not carry it along.
export const isEmbedded = new URLSearchParams(location.search).get("embed") === "1";
