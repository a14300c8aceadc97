/** Marks the section that is being read in the contents of a help page. */
export function watchContents() {
  const links = [...document.querySelectorAll(".contents a")];
  const sections = links.map((link) => document.querySelector(link.hash));
  const mark = () => {
    const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
    const read = scrollY > 0 && atEnd
      ? sections.length - 1
      : Math.max(0, sections.findLastIndex((section) => section.getBoundingClientRect().top < innerHeight / 3));
    links.forEach((link, index) => {
      if (index === read) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
}
