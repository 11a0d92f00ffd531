// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/build/dockerfile/variables.h"

#include "cli/build/dockerfile/limits.h"

namespace davit::cli::dockerfile {

const std::string* Variables::Find(std::string_view name) const {
  auto found = positions_.find(name);
  return found == positions_.end() ? nullptr : &all_[found->second].second;
}

bool Variables::Set(std::string_view name, std::string_view value) {
  auto found = positions_.find(name);
  const size_t freed = found == positions_.end() ? 0 : name.size() + all_[found->second].second.size();
  const size_t total = bytes_ - freed + name.size() + value.size();
  if (total > kMaxVariableBytes) return false;
  bytes_ = total;
  if (found != positions_.end()) {
    all_[found->second].second = value;
  } else {
    positions_.emplace(name, all_.size());
    all_.emplace_back(name, value);
  }
  return true;
}

std::vector<std::string> Variables::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : all_) names.push_back(name);
  return names;
}

}  // namespace davit::cli::dockerfile
