// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The runtime handlers that pods may ask for by a RuntimeClass: tables [handlers.NAME] of the configuration.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace davit {

enum class HandlerType { kDavit };

struct HandlerSettings {
  HandlerType type = HandlerType::kDavit;

  bool operator==(const HandlerSettings&) const = default;
};

// By name.
using HandlerTable = std::map<std::string, HandlerSettings, std::less<>>;

// The handlers of a daemon: the default, whose name is empty, and those of the configuration.
class Handlers {
 public:
  explicit Handlers(HandlerTable configured);

  // kNotFound for a name that is not configured; the error says which are.
  Result<HandlerSettings> Find(std::string_view name) const;

  // The default first, then by name: as Status reports them.
  std::vector<std::string> Names() const;

 private:
  HandlerTable handlers_;
};

}  // namespace davit
