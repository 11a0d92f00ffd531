// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/config/handlers.h"

#include <utility>

namespace davit::cri {

Handlers::Handlers(HandlerTable configured) : handlers_(std::move(configured)) {
  handlers_.emplace("", HandlerSettings());
}

Result<HandlerSettings> Handlers::Find(std::string_view name) const {
  if (auto found = handlers_.find(name); found != handlers_.end()) return found->second;
  std::string known = "the default";
  for (const auto& [other, settings] : handlers_) {
    if (!other.empty()) known += ", \"" + other + "\"";
  }
  return Fail(Code::kNotFound, "validate", "runtime_handler",
              "\"" + std::string(name) + "\" is not configured; there are: " + known);
}

std::vector<std::string> Handlers::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, settings] : handlers_) names.push_back(name);
  return names;
}

}  // namespace davit::cri
