#include "panel/times.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "table/csv_scanner.hpp"
#include "table/numbers.hpp"
#include "table/quoted.hpp"

namespace saola::split {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The runs of digits: "2024-03-04T05:06" has 2024, 3, 4, 5 and 6.
std::vector<std::string_view> numbers_in(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < text.size();) {
    if (!is_digit(text[i])) {
      ++i;
      continue;
    }
    const auto begin = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    out.push_back(text.substr(begin, i - begin));
  }
  return out;
}

double value_of(std::string_view digits) {
  double value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The part that says the day. "2024-03-04 05:06" has a time of day too.
std::string_view day_of(std::string_view text) {
  return text.substr(0, text.find_first_of(" T"));
}

}  // namespace

Result<void> Times::find_order(const std::vector<std::string>& cells, std::string_view column) {
  const bool dates = std::all_of(cells.begin(), cells.end(),
                                 [](const std::string& cell) { return is_date(cell); });
  const auto unordered = [&](const std::string& cell, std::string_view why) {
    return fail(ErrorCode::kInvalidArgument,
                "panel: the times of column {} cannot be put in order: {} {}; write dates as "
                "2024-01-31, or number the times",
                quoted(column), quoted(cell), why);
  };
  if (!dates) {
    const auto year_first = [](std::string_view text) {
      constexpr std::size_t kYear = 4;
      return text.size() > kYear && std::all_of(text.begin(), text.begin() + kYear, is_digit);
    };
    text_size_ = trimmed(cells.front()).size();
    for (const auto& cell : cells) {
      const auto text = trimmed(cell);
      if (!year_first(text) || text.size() != text_size_) {
        return unordered(cell, "is no date");
      }
    }
    order_ = Order::kText;
    return {};
  }
  double largest_first = 0;
  double largest_second = 0;
  bool dots = false;
  for (const auto& cell : cells) {
    const auto text = trimmed(cell);
    const auto numbers = numbers_in(day_of(text));
    if (text.find_first_of("AaPp") != text.npos) return unordered(cell, "has a.m. or p.m.");
    const bool year_first = numbers.front().size() == 4 || day_of(text).find(':') != text.npos;
    if (&cell == &cells.front()) order_ = year_first ? Order::kYearFirst : Order::kDayFirst;
    if (year_first != (order_ == Order::kYearFirst)) {
      return unordered(cell, fmt::format("is written otherwise than {}", quoted(cells.front())));
    }
    if (year_first || numbers.size() < 3) continue;
    largest_first = std::max(largest_first, value_of(numbers[0]));
    largest_second = std::max(largest_second, value_of(numbers[1]));
    dots = dots || text.find('.') < text.find_first_of("T ");
  }
  if (order_ == Order::kYearFirst || largest_first == 0) return {};
  constexpr double kMonths = 12;
  if (largest_second > kMonths && largest_first <= kMonths) {
    order_ = Order::kMonthFirst;
  } else if (largest_second > kMonths || (largest_first <= kMonths && !dots)) {
    return unordered(cells.front(), "may mean two dates, for nothing says which is the month");
  }
  return {};
}

Result<Times::Key> Times::key_of(std::string_view cell) const {
  const auto text = trimmed(cell);
  Key key{};
  const auto bad = [&] {
    return fail(ErrorCode::kInvalidArgument,
                "panel: {} is not written like the panel's times, such as {}", quoted(cell),
                quoted(labels_.empty() ? cell : std::string_view(labels_.front())));
  };
  switch (order_) {
    case Order::kNumber:
      if (!parse_number(text, key[0])) return bad();
      return key;
    case Order::kText: {
      // Characters, packed into numbers that keep their order.
      constexpr std::size_t kBytes = 6;
      if (text.size() != text_size_ || text.size() > kBytes * key.size()) return bad();
      for (std::size_t i = 0; i < text.size(); ++i) {
        key[i / kBytes] = key[i / kBytes] * 256 + static_cast<unsigned char>(text[i]);
      }
      return key;
    }
    case Order::kYearFirst:
    case Order::kDayFirst:
    case Order::kMonthFirst:
      break;
  }
  if (!is_date(text)) return bad();
  auto numbers = numbers_in(day_of(text));
  // Year, month, day.
  if (order_ != Order::kYearFirst) std::reverse(numbers.begin(), numbers.end());
  if (order_ == Order::kMonthFirst && numbers.size() == 3) std::swap(numbers[1], numbers[2]);
  for (const auto time : numbers_in(text.substr(day_of(text).size()))) numbers.push_back(time);
  for (std::size_t i = 0; i < std::min(numbers.size(), key.size()); ++i) {
    key[i] = value_of(numbers[i]);
  }
  return key;
}

Result<Times> Times::of(const Table& table, std::size_t column) {
  Times times;
  const auto& one = table.columns()[column];
  const auto cells = table.text(column);
  for (std::size_t row = 0; row < cells.size(); ++row) {
    if (!table.missing(cells[row])) continue;
    return fail(ErrorCode::kInvalidArgument, "panel: {} has no time in column {}", table.place(row),
                quoted(one.name));
  }
  std::vector<std::string> spellings;
  std::vector<std::uint32_t> spelling_of_row;
  {
    std::unordered_map<std::string_view, std::uint32_t> seen;
    for (const auto& cell : cells) {
      const auto next = static_cast<std::uint32_t>(seen.size());
      const auto [at, fresh] = seen.try_emplace(cell, next);
      if (fresh) spellings.push_back(cell);
      spelling_of_row.push_back(at->second);
    }
  }
  const bool numbers = one.numeric() && one.reading.empty();
  if (!numbers) {
    if (auto ok = times.find_order(spellings, one.name); !ok) {
      return fail(ok);
    }
  }
  std::map<Key, std::vector<std::uint32_t>> spellings_of;
  for (std::uint32_t s = 0; s < spellings.size(); ++s) {
    const auto key = times.key_of(spellings[s]);
    if (!key) return fail(key);
    spellings_of[*key].push_back(s);
  }
  std::vector<std::uint32_t> time_of_spelling(spellings.size());
  for (const auto& [key, same] : spellings_of) {
    for (const auto s : same) {
      time_of_spelling[s] = static_cast<std::uint32_t>(times.keys_.size());
    }
    times.keys_.push_back(key);
    times.labels_.emplace_back(trimmed(spellings[same.front()]));
  }
  for (const auto s : spelling_of_row) times.of_row_.push_back(time_of_spelling[s]);
  return times;
}

Result<std::pair<std::size_t, std::size_t>> Times::range(std::string_view first,
                                                         std::string_view last) const {
  const auto from = key_of(first);
  if (!from) return fail(from);
  const auto to = key_of(last);
  if (!to) return fail(to);
  const auto begin = std::lower_bound(keys_.begin(), keys_.end(), *from);
  const auto end = std::upper_bound(keys_.begin(), keys_.end(), *to);
  return std::pair{static_cast<std::size_t>(begin - keys_.begin()),
                   static_cast<std::size_t>(std::max(begin, end) - keys_.begin())};
}

}  // namespace saola::split
