// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The runtime handlers that pods can select by a RuntimeClass: tables [handlers.NAME] of the configuration.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace davit::cri {

enum class HandlerType { kDavit };

struct HandlerSettings {
  HandlerType type = HandlerType::kDavit;

  bool operator==(const HandlerSettings&) const = default;
};

// Keyed by handler name.
using HandlerTable = std::map<std::string, HandlerSettings, std::less<>>;

// The handlers of a daemon: the default, whose name is empty, and the configured ones.
class Handlers {
 public:
  explicit Handlers(HandlerTable configured);

  // kNotFound if the name is not configured; the error lists the configured names.
  Result<HandlerSettings> Find(std::string_view name) const;

  // The default (an empty name) first, then sorted by name, as the CRI Status call reports them.
  std::vector<std::string> Names() const;

 private:
  HandlerTable handlers_;
};

}  // namespace davit::cri
