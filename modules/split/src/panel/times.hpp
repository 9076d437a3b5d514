// The order of a panel's times: dates as people write them, or numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/split/table.hpp>

namespace saola::split {

class Times {
 public:
  // Of a column of the table. Fails with kInvalidArgument when its cells have no order, or two:
  // 03/04/2024 in a column where nothing says which is the month.
  static Result<Times> of(const Table& table, std::size_t column);

  // Different ones in order, as first spelled.
  const std::vector<std::string>& labels() const { return labels_; }
  // Index into labels() of each row of the table.
  const std::vector<std::uint32_t>& of_row() const { return of_row_; }
  // The indices [begin, end) of the times from `first` to `last`, both within. They need not be
  // times of the column, but must be written alike.
  Result<std::pair<std::size_t, std::size_t>> range(std::string_view first,
                                                    std::string_view last) const;

 private:
  // Year, month, day, hour, minute, second; or a number.
  using Key = std::array<double, 6>;
  enum class Order {
    kNumber,
    kYearFirst,  // 2024-03-04, 2024-03
    kDayFirst,   // 04.03.2024
    kMonthFirst,
    kText,  // 2024-W09, 2024Q1: in alphabetical order
  };
  Result<Key> key_of(std::string_view text) const;
  Result<void> find_order(const std::vector<std::string>& cells, std::string_view column);

  Order order_ = Order::kNumber;
  std::size_t text_size_ = 0;  // of kText
  std::vector<std::string> labels_;
  std::vector<Key> keys_;
  std::vector<std::uint32_t> of_row_;
};

}  // namespace saola::split
