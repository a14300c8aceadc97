/**
 * When a viewer counts as gone. With ICE-lite nothing else tells: a peer that was killed stays "connected" for ever. Pure.
 * @module
 */

/** Looks without a packet after which somebody who was there has gone. Receivers report about once a second. */
const goneAfterLooks = 6;
/** Looks that a connection may take to come up. */
const absentAfterLooks = 15;

/**
 * To be told a viewer's count of received packets once a second. Looks are counted, not seconds: while this process is
 * stopped nobody is gone.
 * @returns true when the viewer should be given up.
 */
export function createSilenceWatch(): (packetsReceived: number) => boolean {
  let heard = 0;
  let silentLooks = 0;
  return (packetsReceived) => {
    silentLooks = packetsReceived > heard ? 0 : silentLooks + 1;
    heard = packetsReceived;
    return silentLooks >= (heard === 0 ? absentAfterLooks : goneAfterLooks);
  };
}
