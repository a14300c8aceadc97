/**
 * One WHEP peer (draft-ietf-wish-whep): packets and messages out, feedback in, closed. With `peer.ts` the owner of werift.
 * @module
 */
import { Buffer } from "node:buffer";
import {
  GenericNack,
  ReceiverEstimatedMaxBitrate,
  type RTCDataChannel,
  type RTCDtlsTransport,
  type RTCPeerConnection,
  type RtcpPacket,
  RtcpPayloadSpecificFeedback,
  RtcpRrPacket,
  RtcpSrPacket,
  RtcpTransportLayerFeedback,
  type RTCRtpSender,
  RTP_EXTENSION_URI,
  type RtpHeader as WeriftRtpHeader,
} from "werift";
import type { Codec } from "./access_unit.ts";
import { FrameBus } from "./frame_bus.ts";
import type { Packet } from "./packetizer.ts";
import { type NetworkOptions, openPeer } from "./peer.ts";
import { type PacketLine, RtpSender } from "./rtp_sender.ts";

/**
 * `connected`: packets get through from now on. `pictureLost`: its decoder needs a key frame. `listening`: it takes
 * messages from now on, because it has opened a data channel `events`.
 */
export type ViewerEvent = "connected" | "pictureLost" | "listening";

/** What is known of the way to a viewer; the counts begin with its connection. */
export interface ViewerLine {
  readonly packets: number;
  readonly bytes: number;
  /** Packets sent again because the viewer asked for them. */
  readonly repeats: number;
  /** Reports that have come about this stream, about one a second. */
  readonly reports: number;
  /** Of the packets between the last two reports, 0 to 1. */
  readonly fractionLost: number;
  /** To the viewer and back; null before it has told. */
  readonly roundTripMs: number | null;
  /** Bits per second that the viewer thinks the line can carry; null when it tells nothing. */
  readonly estimatedBitrate: number | null;
}

export interface Viewer extends AsyncDisposable {
  readonly id: string;
  readonly codec: Codec;
  readonly answerSdp: string;
  /** Ends when the connection is over, whoever ended it. One reader. */
  readonly events: AsyncIterable<ViewerEvent>;
  /** Grows about once a second while somebody is there. */
  readonly packetsReceived: number;
  /** Aborts when the connection is over. */
  readonly ended: AbortSignal;
  /** Dropped without a word before `connected` and after the end. */
  send(packets: readonly Packet[]): void;
  /** What is sent next comes from another encoder, and may be older than what was sent last. */
  turn(): void;
  readonly line: ViewerLine;
  /** A message on the data channel. Dropped without a word before `listening`, after `hush()`, and when it is too long. */
  tell(message: string): void;
  /** Of messages that have not been sent yet. */
  readonly untoldBytes: number;
  /** Closes the data channel. */
  hush(): void;
}

/**
 * @param codecs best first; the first one that the offer has is taken.
 * @throws `OfferError`
 */
export async function answerOffer(
  offerSdp: string,
  { codecs, network }: { readonly codecs: readonly Codec[]; readonly network: NetworkOptions },
): Promise<Viewer> {
  const { peer, sender } = await openPeer(offerSdp, codecs, network);
  return new WeriftViewer(peer, sender);
}

class WeriftViewer implements Viewer {
  readonly id = crypto.randomUUID();
  readonly codec: Codec;
  readonly answerSdp: string;
  readonly events: AsyncIterable<ViewerEvent>;
  readonly #peer: RTCPeerConnection;
  readonly #sender: RTCRtpSender;
  readonly #bus = new FrameBus<ViewerEvent>();
  readonly #end = new AbortController();
  #rtp: RtpSender | undefined;
  #reports = 0;
  #estimatedBitrate: number | null = null;
  #channel: RTCDataChannel | undefined;

  constructor(peer: RTCPeerConnection, sender: RTCRtpSender) {
    this.#peer = peer;
    this.#sender = sender;
    this.codec = sender.codec!.name.toLowerCase() as Codec;
    this.answerSdp = peer.localDescription!.sdp;
    this.events = this.#bus.read({ overflow: "drop-oldest", capacity: 16 });
    peer.connectionStateChange.subscribe((state) => {
      if (state === "connected") this.#connect();
      else if (state === "failed" || state === "closed") void this[Symbol.asyncDispose]();
    });
    // Not from the sender: werift gives feedback to the wrong one when the offer names an SSRC of its own.
    sender.transport!.onRtcp.subscribe((packet) => this.#hear(packet));
    peer.onDataChannel.subscribe((channel) => {
      if (channel.label !== "events" || this.#channel) return;
      this.#channel = channel;
      queueMicrotask(() => this.#tell("listening")); // it is open one step later
    });
  }

  get ended(): AbortSignal {
    return this.#end.signal;
  }

  get packetsReceived(): number {
    return this.#sender.transport?.packetsReceived ?? 0;
  }

  get line(): ViewerLine {
    return {
      ...this.#rtp?.counts ?? { packets: 0, bytes: 0, repeats: 0 },
      reports: this.#reports,
      fractionLost: this.#rtp?.fractionLost ?? 0,
      roundTripMs: this.#rtp?.roundTripMs ?? null,
      estimatedBitrate: this.#estimatedBitrate,
    };
  }

  send(packets: readonly Packet[]): void {
    if (!this.#end.signal.aborted) this.#rtp?.send(packets);
  }

  turn(): void {
    this.#rtp?.turn();
  }

  get untoldBytes(): number {
    return this.#channel?.bufferedAmount ?? 0;
  }

  tell(message: string): void {
    if (this.#channel?.readyState !== "open") return;
    try {
      this.#channel.send(message);
    } catch { // longer than the offer's a=max-message-size
    }
  }

  hush(): void {
    this.#channel?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#end.abort(new DOMException("The viewer is gone", "AbortError"));
    this.#bus.close();
    await this.#peer.close();
  }

  #connect(): void {
    const { ssrc, codec, transport } = this.#sender;
    const { mid, headerExtensions } = this.#peer.getTransceivers().find(({ sender }) => sender === this.#sender)!;
    const midExtensions = headerExtensions.filter(({ uri }) => uri === RTP_EXTENSION_URI.sdesMid);
    this.#rtp ??= new RtpSender({
      ssrc,
      payloadType: codec!.payloadType,
      cname: this.id,
      extensions: midExtensions.map(({ id }) => ({ id, value: Buffer.from(mid ?? "") })),
      firstSequenceNumber: crypto.getRandomValues(new Uint16Array(1))[0]!,
      now: Date.now,
    }, lineOf(transport!));
    this.#tell("connected");
  }

  #hear(packet: RtcpPacket): void {
    switch (packet.type) {
      case RtcpSrPacket.type:
      case RtcpRrPacket.type:
        for (const report of packet.reports) {
          if (report.ssrc !== this.#sender.ssrc) continue;
          this.#reports++;
          this.#rtp?.hear(report);
        }
        break;
      case RtcpTransportLayerFeedback.type:
        if (packet.feedback instanceof GenericNack) this.#rtp?.repeat(packet.feedback.lost);
        break;
      case RtcpPayloadSpecificFeedback.type:
        this.#hearOfPicture(packet.feedback);
    }
  }

  #hearOfPicture(feedback: RtcpPayloadSpecificFeedback["feedback"]): void {
    const { count } = feedback;
    if (count === pictureLossIndication || count === fullIntraRequest) this.#tell("pictureLost");
    else if (feedback instanceof ReceiverEstimatedMaxBitrate) this.#estimatedBitrate = Number(feedback.bitrate);
  }

  #tell(event: ViewerEvent): void {
    if (!this.#end.signal.aborted) void this.#bus.push(event);
  }
}

const pictureLossIndication = 1; // RFC 4585 section 6.3.1
const fullIntraRequest = 4; // RFC 5104 section 4.3.1

/** A viewer who comes by TCP and does not read leaves so much lying; then packets are dropped. */
const unsentLimitBytes = 2_000_000;

/** Straight to cipher and socket: werift's own way there copies every packet and its header twice. */
function lineOf({ srtp, srtcp, iceTransport: { connection } }: RTCDtlsTransport): PacketLine {
  const { cipher } = srtp.localContext;
  let unsentBytes = 0;
  const send = (datagram: Buffer) => {
    if (unsentBytes > unsentLimitBytes) return;
    unsentBytes += datagram.length;
    connection.send(datagram).catch(() => {}).finally(() => unsentBytes -= datagram.length); // ends with the connection
  };
  return {
    sendRtp({ bytes, ssrc, sequenceNumber, rollover }, payload) {
      const header = { ssrc, sequenceNumber, serializeSize: bytes.length, serialize: () => bytes };
      send(cipher.encryptRtp(header as unknown as WeriftRtpHeader, payload, rollover));
    },
    sendRtcp: (packet) => send(srtcp.encrypt(packet)),
  };
}
