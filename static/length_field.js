/** The slider's ends, and where it turns from even steps to equal factors. */
const leastSeconds = 1;
const evenUpToSeconds = 10;
const mostSeconds = 120;
/** Share of the slider that the even part takes. */
const evenShare = 0.45;

/** Place on the slider, 0 to 1. */
export function sliderPlace(seconds) {
  if (seconds <= evenUpToSeconds) {
    return (evenShare * (seconds - leastSeconds)) / (evenUpToSeconds - leastSeconds);
  }
  return evenShare + ((1 - evenShare) * Math.log(seconds / evenUpToSeconds)) / Math.log(mostSeconds / evenUpToSeconds);
}

/** Seconds at a place on the slider: tenths up to ten, whole ones above. */
export function secondsAt(place) {
  if (place <= evenShare) {
    return Math.round(10 * (leastSeconds + (place / evenShare) * (evenUpToSeconds - leastSeconds))) / 10;
  }
  const factor = (place - evenShare) / (1 - evenShare);
  return Math.round(evenUpToSeconds * (mostSeconds / evenUpToSeconds) ** factor);
}

/**
 * Length as a slider and a number that follow each other.
 * @returns `{ seconds, set(seconds) }`; `seconds` is null while the number is no length
 */
export function createLengthField(slider, number, onChange) {
  const fill = () => slider.style.setProperty("--fill", `${slider.value / 10}%`);
  const showOnSlider = (seconds) => {
    slider.value = Math.round(1000 * sliderPlace(seconds));
    slider.setAttribute("aria-valuetext", `${seconds} seconds`);
    fill();
  };
  const read = () => {
    const seconds = number.valueAsNumber;
    return seconds >= leastSeconds && seconds <= mostSeconds ? seconds : null;
  };
  slider.addEventListener("input", () => {
    number.value = secondsAt(slider.value / 1000);
    slider.setAttribute("aria-valuetext", `${number.value} seconds`);
    fill();
    onChange();
  });
  number.addEventListener("input", () => {
    const seconds = read();
    if (seconds !== null) showOnSlider(seconds);
    onChange();
  });
  // What was left out of range is brought back into it when the field is left.
  number.addEventListener("change", () => {
    if (read() !== null) return;
    const typed = number.valueAsNumber;
    set(Number.isNaN(typed) ? 5 : Math.min(mostSeconds, Math.max(leastSeconds, typed)));
    onChange();
  });
  function set(seconds) {
    number.value = seconds;
    showOnSlider(seconds);
  }
  return {
    get seconds() {
      return read();
    },
    set,
  };
}
