/**
 * The connection to one viewer: an SDP offer becomes werift's peer connection with an answer, and werift is mended where
 * it has to be. With `viewer.ts` the owner of werift.
 * @module
 */
import { Buffer } from "node:buffer";
import { isIPv4, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import {
  MediaStreamTrack,
  RTCDtlsTransport,
  RTCPeerConnection,
  type RTCRtpCodecParameters,
  type RTCRtpSender,
  SrtpSession,
  useH264,
  useOPUS,
  useSdesMid,
  useVP8,
} from "werift";
import type { Codec } from "./access_unit.ts";
import { OfferError } from "./errors.ts";
import { createHandshakeFilter } from "./handshake_filter.ts";
import { createFragmentCollector } from "./handshake_fragments.ts";
import { type Offer, readOffer } from "./offer.ts";
import { freeCiphersAfterUse } from "./srtp_cipher.ts";
import { isAuthentic } from "./stun_integrity.ts";

/** How viewers find this computer. */
export interface NetworkOptions {
  /** Addresses to offer beside loopback and the computer's own interfaces: a public or NAT address. */
  readonly hostAddresses: readonly string[];
  /** First and last UDP port, one port per viewer and address; any free port when left out. */
  readonly portRange?: readonly [number, number];
  /**
   * Whether viewers whose network lets no UDP through may come by TCP (RFC 6544): a listener per viewer and own address.
   * Addresses of somebody else's, behind NAT, have none. Refused when left out.
   */
  readonly tcp?: "offered" | "refused";
}

/**
 * ICE-lite, so that the answer is complete at once and no STUN server is ever asked.
 * @param codecs best first; the first one that the offer has is taken.
 * @throws `OfferError`
 */
export async function openPeer(
  offerSdp: string,
  codecs: readonly Codec[],
  network: NetworkOptions,
): Promise<{ readonly peer: RTCPeerConnection; readonly sender: RTCRtpSender }> {
  const offer = readOffer(offerSdp);
  const own = ownAddresses();
  const tcp = network.tcp === "offered" && own.filter((address) => isIPv4(address)).every(mayListenAt);
  const peer = new RTCPeerConnection({
    // An offer may ask for sound, too. It gets a silent line: refused, it could not carry the bundle (RFC 9143 section 7.3).
    codecs: { video: codecs.map((codec) => codecParameters[codec]()), audio: [useOPUS()] },
    headerExtensions: { video: [useSdesMid()], audio: [] },
    bundlePolicy: "max-bundle",
    iceServers: [],
    iceLite: true,
    iceUseIpv6: !tcp || own.filter((address) => isIPv6(address)).every(mayListenAt),
    iceUseTcp: tcp,
    iceAdditionalHostAddresses: [...new Set([...own.filter(isLoopback), ...network.hostAddresses])],
    icePortRange: network.portRange ? [...network.portRange] : undefined,
  });
  try {
    const sender = peer.addTrack(new MediaStreamTrack({ kind: "video" }));
    await negotiate(peer, offer);
    if (!sender.codec) {
      throw new OfferError("noCommonCodec", `Cannot answer the offer: it has none of the codecs ${codecs.join(", ")}`);
    }
    return { peer, sender };
  } catch (error) {
    await peer.close();
    throw error;
  }
}

/** The certificate of this process takes about 100 ms to make; the first viewer need not wait for it. */
export async function prepareCertificate(): Promise<void> {
  await RTCDtlsTransport.SetupCertificate();
}

const codecParameters: Record<Codec, () => RTCRtpCodecParameters> = { vp8: () => useVP8(), h264: () => useH264() };

async function negotiate(peer: RTCPeerConnection, offer: Offer): Promise<void> {
  try {
    await peer.setRemoteDescription({ type: "offer", sdp: offer.sdp });
    for (const transport of peer.dtlsTransports) {
      transport.role = offer.dtlsRole;
      guardHandshake(transport);
    }
    await peer.setLocalDescription(await peer.createAnswer());
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OfferError("unreadable", `Cannot read the offer: ${why}`, { cause });
  }
  for (const { connection } of peer.iceTransports) {
    for (const protocol of (connection as unknown as { readonly protocols: readonly Protocol[] }).protocols) {
      // An address out of reach makes a socket fail; without a listener that would end the server.
      protocol.transport?.socket.on("error", () => {});
      guardRequests(protocol, connection.localPassword);
    }
  }
}

/** Only who has seen the answer may say where the packets go. */
function guardRequests({ onRequestReceived }: Protocol, password: string): void {
  const handle = onRequestReceived.execute;
  onRequestReceived.execute = (message, address, data) => {
    if (isAuthentic(data, password)) handle(message, address, data);
  };
}

/** Without link-local ones of IPv6: they mean nothing without a zone, and werift leaves them out. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => addresses?.map(({ address }) => address) ?? [])
    .filter((address) => !/^fe[89ab]/i.test(address));
}

/** werift leaves these out. Without IPv6 there is no `::1`, and a socket for it could not be made. */
function isLoopback(address: string): boolean {
  return address === "127.0.0.1" || address === "::1";
}

/** Where Deno forbids it, werift's listener would end the process. */
function mayListenAt(address: string): boolean {
  const host = isIPv6(address) ? `[${address}]:0` : `${address}:0`;
  return Deno.permissions.querySync({ name: "net", host }).state === "granted";
}

/** What werift keeps to itself: the sockets of a connection; those for TCP look otherwise, and are looked after. */
interface Protocol {
  readonly onRequestReceived: { execute(message: unknown, address: unknown, data: Uint8Array): void };
  readonly transport?: { readonly socket: { on(event: "error", listener: (error: Error) => void): void } };
}

type DtlsTransport = RTCPeerConnection["dtlsTransports"][number];

/** The handshake's state machine exists from "connecting" on, one microtask later. */
function guardHandshake(transport: DtlsTransport): void {
  transport.onStateChange.subscribe((state) => {
    if (state !== "connecting") return;
    queueMicrotask(() => {
      const { dtls } = transport;
      if (!dtls) return;
      const handle = dtls.onHandleHandshakes;
      const unrepeated = createHandshakeFilter();
      dtls.onHandleHandshakes = (messages) => handle(unrepeated(messages));
      dtls.handleFragmentHandshake = createFragmentCollector();
    });
  });
}

const noKeys = {
  localMasterKey: Buffer.alloc(16),
  localMasterSalt: Buffer.alloc(14),
  remoteMasterKey: Buffer.alloc(16),
  remoteMasterSalt: Buffer.alloc(14),
};
// werift keeps the cipher class to itself; a session of the AES-CM profile (1, RFC 5764 section 4.1.2) holds one of it.
freeCiphersAfterUse(new SrtpSession({ profile: 1, keys: noKeys }).localContext.cipher);
