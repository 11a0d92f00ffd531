// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Variables by name, in the order in which they were first set.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace davit::cli::dockerfile {

class Variables {
 public:
  // Null if the variable is not set. Valid until the next Set().
  const std::string* Find(std::string_view name) const;

  // Returns false, and changes nothing, if all variables together would exceed kMaxVariableBytes.
  [[nodiscard]] bool Set(std::string_view name, std::string_view value);

  const std::vector<std::pair<std::string, std::string>>& All() const { return all_; }
  std::vector<std::string> Names() const;
  size_t bytes() const { return bytes_; }  // of all names and values

 private:
  std::vector<std::pair<std::string, std::string>> all_;
  std::map<std::string, size_t, std::less<>> positions_;
  size_t bytes_ = 0;
};

}  // namespace davit::cli::dockerfile
