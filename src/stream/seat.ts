/**
 * Where a viewer sits: in one rendition and, while it moves, already waiting in another one.
 * @module
 */
import type { Rendition, RenditionReader } from "./rendition.ts";
import type { Viewer } from "./viewer.ts";

interface Place {
  readonly rendition: Rendition;
  readonly read: RenditionReader;
  readonly onArrival: () => void;
}

/** One viewer's way through renditions of its codec. It moves at a key frame of the next one, so nothing breaks off. */
export class Seat {
  readonly #viewer: Pick<Viewer, "send" | "turn">;
  #state: "connecting" | "connected" = "connecting";
  #present: Place;
  #next: Place | undefined;

  /** Keeps `rendition` running. */
  constructor(viewer: Pick<Viewer, "send" | "turn">, rendition: Rendition) {
    this.#viewer = viewer;
    this.#present = this.#placeIn(rendition, () => {});
    rendition.expect(this.#present.read);
  }

  /** Where it sits, or will as soon as there is a key frame. */
  get rendition(): Rendition {
    return (this.#next ?? this.#present).rendition;
  }

  /** Packets get through from now on: it is shown the picture at once. */
  connect(): void {
    if (this.#state === "connected") return;
    this.#state = "connected";
    this.#present.rendition.join(this.#present.read);
  }

  /** @param onArrival called when the first picture from there is sent, or at once while nothing is sent at all */
  move(rendition: Rendition, onArrival: () => void): void {
    if (rendition === this.rendition) return;
    this.#cancelMove();
    if (rendition === this.#present.rendition) return;
    const place = this.#placeIn(rendition, onArrival);
    if (this.#state === "connected") {
      this.#next = place;
      return rendition.joinAtKeyFrame(place.read);
    }
    this.leave();
    this.#present = place;
    rendition.expect(place.read);
    onArrival();
  }

  /** Its decoder cannot go on without a key frame. */
  requestKeyFrame(): void {
    this.#present.rendition.requestKeyFrame();
  }

  leave(): void {
    this.#cancelMove();
    this.#present.rendition.leave(this.#present.read);
  }

  #cancelMove(): void {
    this.#next?.rendition.leave(this.#next.read);
    this.#next = undefined;
  }

  #placeIn(rendition: Rendition, onArrival: () => void): Place {
    const place: Place = {
      rendition,
      onArrival,
      read: (pictures) => {
        if (place !== this.#present) this.#arriveAt(place);
        for (const { packets } of pictures) this.#viewer.send(packets);
      },
    };
    return place;
  }

  #arriveAt(place: Place): void {
    this.#present.rendition.leave(this.#present.read);
    this.#present = place;
    this.#next = undefined;
    this.#viewer.turn();
    place.onArrival();
  }
}
