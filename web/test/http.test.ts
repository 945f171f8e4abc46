import { afterEach, describe, expect, test, vi } from "vitest";
import { ApiError, getJson, putJson, putRenewing } from "../src/api/http";
import { isSignedOut } from "../src/api/signed_out";

/** A daemon that answers when it is told to. */
class Daemon {
  readonly asked: { path: string; answer: (status: number) => void }[] = [];

  constructor() {
    vi.stubGlobal(
      "fetch",
      (path: string) =>
        new Promise<Response>((resolve) => {
          const body = (status: number) => (status === 401 ? { error: { reason: "UNAUTHENTICATED" } } : { path });
          this.asked.push({ path, answer: (status) => resolve(Response.json(body(status), { status })) });
        }),
    );
  }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

afterEach(() => vi.unstubAllGlobals());

describe("a session that the page has renewed", () => {
  test("leaves nothing refused that was asked with the cookie of before, however the answers cross", async () => {
    const daemon = new Daemon();
    const before = getJson("/before");
    const late = getJson("/late");
    const renewing = putRenewing("/me/password", {});
    const meanwhile = getJson("/meanwhile");
    daemon.asked[0].answer(401);
    daemon.asked[3].answer(401);
    await settled();
    expect(daemon.asked).toHaveLength(4); // they wait for the cookie that is on its way
    daemon.asked[2].answer(200);
    await renewing;
    daemon.asked[1].answer(401);
    await settled();
    expect(
      daemon.asked
        .slice(4)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(["/before", "/late", "/meanwhile"]);
    for (const { answer } of daemon.asked.slice(4)) answer(200);
    expect(await before).toEqual({ path: "/before" });
    expect(await late).toEqual({ path: "/late" });
    expect(await meanwhile).toEqual({ path: "/meanwhile" });
    expect(isSignedOut()).toBe(false);
  });

  test("that was not renewed is over", async () => {
    const daemon = new Daemon();
    const asking = putJson("/views/x", {});
    const renewing = putRenewing("/me/password", {});
    daemon.asked[0].answer(401);
    daemon.asked[1].answer(400);
    await Promise.all([
      expect(renewing).rejects.toBeInstanceOf(ApiError),
      expect(asking).rejects.toMatchObject({ reason: "UNAUTHENTICATED" }),
    ]);
    expect(isSignedOut()).toBe(true);
    expect(daemon.asked).toHaveLength(2);
  });
});
