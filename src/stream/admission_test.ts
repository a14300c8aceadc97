import assert from "node:assert/strict";
import { Admission } from "./admission.ts";
import { ViewerLimitError } from "./errors.ts";

function refusalOf(admission: Admission, address?: string): string {
  try {
    admission.admit(address);
    return "none";
  } catch (error) {
    assert.ok(error instanceof ViewerLimitError && error.retryAfterSeconds > 0);
    return error.limit;
  }
}

Deno.test("Admission.admit() counts all viewers and those of each address, and forgets who has left", () => {
  const admission = new Admission({ viewers: 4, viewersPerAddress: 2 });
  const leave = admission.admit("192.0.2.1");
  admission.admit("192.0.2.1");
  assert.equal(refusalOf(admission, "192.0.2.1"), "viewersPerAddress");
  admission.admit("192.0.2.2");
  admission.admit(undefined);
  assert.equal(refusalOf(admission, "192.0.2.3"), "viewers");
  leave();
  leave(); // counts once
  assert.equal(refusalOf(admission, "192.0.2.1"), "none");
  assert.equal(refusalOf(admission), "viewers");
});
