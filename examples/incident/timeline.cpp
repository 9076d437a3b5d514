#include "timeline.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

namespace incident {
namespace {

constexpr double kLeft = 150;    // pixels, of the thread names
constexpr double kWidth = 900;   // of the time axis
constexpr double kRow = 18;      // of a thread
constexpr double kHeading = 34;  // above a panel's threads
constexpr double kGap = 18;      // below them
constexpr const char* kColours[] = {"#d1495b", "#edae49", "#66a182", "#2e86ab", "#8d6a9f"};

// The threads of a run in the order in which they first had something to do.
std::vector<long> threads_of(const Measured& run) {
  std::vector<std::pair<double, long>> seen;
  for (const TaskSpan& span : run.tasks) seen.emplace_back(span.from, span.thread);
  for (const PingMark& ping : run.pings) seen.emplace_back(ping.time, ping.thread);
  std::ranges::sort(seen);
  std::vector<long> out;
  for (const auto& [time, thread] : seen) {
    if (std::ranges::find(out, thread) == out.end()) out.push_back(thread);
  }
  return out;
}

double nice_step(double seconds) {
  for (const double step : {0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0}) {
    if (seconds / step <= 16) return step;
  }
  return 60;
}

void draw_axis(std::string& svg, double y, double height, double longest) {
  const double step = nice_step(longest);
  for (double t = 0; t <= longest; t += step) {
    const double x = kLeft + t / longest * kWidth;
    svg += fmt::format(R"(<line x1="{0:.1f}" y1="{1:.1f}" x2="{0:.1f}" y2="{2:.1f}" class="grid"/>)"
                       R"(<text x="{0:.1f}" y="{3:.1f}" class="axis">{4:g} s</text>)"
                       "\n",
                       x, y, y + height, y + height + 11, t);
  }
}

// Draws one run from `y` down and returns its height.
double draw_run(std::string& svg, const Measured& run, double y, double longest) {
  const Combination& how = run.combination;
  std::string heading = fmt::format("{} worker, {} executor", how.worker_class, how.executor);
  if (how.on_stall != "none") heading += ", on stall: " + how.on_stall;
  heading += run.failure.empty()
                 ? fmt::format(" — longest silence {:.0f} ms, {} of 5 tasks done after {:.1f} s",
                               run.longest_silence_ms, run.tasks_done, run.seconds)
                 : " — " + run.failure.substr(0, 80);
  svg += fmt::format(R"(<text x="8" y="{:.1f}" class="heading">{}</text>)"
                     "\n",
                     y + 20, heading);
  const auto threads = threads_of(run);
  const double top = y + kHeading;
  const double height = kRow * static_cast<double>(threads.size());
  if (!threads.empty()) draw_axis(svg, top, height, longest);
  const auto row_of = [&](long thread) {
    return top + kRow * static_cast<double>(std::ranges::find(threads, thread) - threads.begin());
  };
  const auto x_of = [&](double time) { return kLeft + time / longest * kWidth; };
  for (std::size_t i = 0; i < threads.size(); ++i) {
    svg += fmt::format(R"(<text x="8" y="{:.1f}" class="thread">thread {}</text>)"
                       "\n",
                       top + kRow * static_cast<double>(i) + 13, i + 1);
  }
  for (const TaskSpan& span : run.tasks) {
    svg += fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" fill="{}">)"
                       R"(<title>task {} from {:.2f} s to {:.2f} s</title></rect>)"
                       R"(<text x="{:.1f}" y="{:.1f}" class="task">task {}</text>)"
                       "\n",
                       x_of(span.from), row_of(span.thread) + 2,
                       std::max(1.0, x_of(span.to) - x_of(span.from)), kRow - 4,
                       kColours[(span.task - 1) % std::size(kColours)], span.task, span.from,
                       span.to, x_of(span.from) + 4, row_of(span.thread) + 13, span.task);
  }
  // One tick a pixel at most.
  std::vector<std::pair<long, int>> ticks;
  for (const PingMark& ping : run.pings) {
    ticks.emplace_back(ping.thread, static_cast<int>(std::lround(x_of(ping.time))));
  }
  std::ranges::sort(ticks);
  ticks.erase(std::unique(ticks.begin(), ticks.end()), ticks.end());
  std::string path;
  for (const auto& [thread, x] : ticks) {
    path += fmt::format("M{} {:.0f}v{:.0f}", x, row_of(thread) + 1, kRow - 2);
  }
  svg += fmt::format(R"(<path d="{}" class="ping"/>)"
                     "\n",
                     path);
  return kHeading + height + kGap;
}

}  // namespace

std::string timeline_svg(const std::vector<Measured>& results) {
  double longest = 1;
  for (const Measured& run : results) longest = std::max(longest, run.seconds);
  std::string body;
  double y = 56;
  for (const Measured& run : results) y += draw_run(body, run, y, longest);
  return fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}" viewBox="0 0 {0:.0f} {1:.0f}" font-family="sans-serif">
<style>.heading{{font-size:13px;font-weight:bold}}.thread{{font-size:11px}}.task{{font-size:10px;fill:#fff}}
.axis{{font-size:9px;fill:#666;text-anchor:middle}}.grid{{stroke:#ddd}}.ping{{stroke:#0b6e0b;stroke-width:0.6}}</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="8" y="24" font-size="16" font-weight="bold">Who held which thread when</text>
<text x="8" y="44" font-size="12">coloured bar: a task that computes; green ticks: pings answered by that thread; a stretch without ticks is silence</text>
{2}</svg>
)",
      kLeft + kWidth + 40, y + 10, body);
}

}  // namespace incident
