// A provider that knows one person: `node provider.mjs PORT REDIRECT_URI SECRET NAME`. It says "ready" once it answers.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [port, redirectUri, secret, name] = process.argv.slice(2);
const SCOPE = "openid email profile";

const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "trackd", client_secret: secret, redirect_uris: [redirectUri] }],
  jwks: { keys: [{ ...key, kid: "one", use: "sig", alg: "RS256" }] },
  cookies: { keys: ["a key of these tests"] },
  pkce: { required: () => true },
  claims: { email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
  findAccount: (_context, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: `${name}@example.org`, email_verified: true, preferred_username: name, name: `Dr. ${name}` }),
  }),
  // Nobody is asked whether trackd may know who they are.
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope(SCOPE);
    await grant.save();
    return grant;
  },
});

const PAGE = `<!doctype html><html lang="en"><title>The other site</title><form method="post"><button>I am ${name}</button></form></html>`;

const answer = provider.callback();
createServer(async (request, response) => {
  if (!request.url.startsWith("/interaction/")) return answer(request, response);
  if (request.method === "POST") {
    return provider.interactionFinished(request, response, { login: { accountId: `subject-of-${name}` } });
  }
  response.writeHead(200, { "Content-Type": "text/html" }).end(PAGE);
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));
