const storedKey = "framecast.singleKeys";

/** Whether single keys work. */
export function areSingleKeysOn() {
  return localStorage.getItem(storedKey) !== "off";
}

export function switchSingleKeys(state) {
  localStorage.setItem(storedKey, state);
}
