/** How a request reaches who answers it: the daemon over HTTP. In an exported page the file answers itself (`export/transport.ts`). */

export const send = (path: string, init?: RequestInit): Promise<Response> =>
  fetch(path, { credentials: "same-origin", ...init });
