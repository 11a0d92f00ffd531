// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which events `davit events` prints.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/davit/v1/events.pb.h"
#include "base/error.h"

namespace davit::cli {

class EventFilter {
 public:
  // "type=container", "event=die", "container=web"...: of several with one key, one has to be satisfied.
  // kInvalidArgument for another key or no value.
  static Result<EventFilter> Parse(const std::vector<std::string>& filters);

  bool Takes(const ::davit::v1::Event& event) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;  // by key
};

// "10m", "1h30m": how long ago; "1767322800.5": seconds since 1970; "2026-01-02T03:04:05Z", "2026-01-02":
// nanoseconds since 1970, at least 1. kInvalidArgument names `flag` and shows the grammar.
Result<int64_t> ParseEventTime(const char* flag, const std::string& text, int64_t now_unix_nanoseconds);

// "2026-01-02T03:04:05.123456789Z container die 5f2a... (exitCode=0, image=busybox, name=web)".
std::string EventLine(const ::davit::v1::Event& event);
// In Docker's form.
nlohmann::json EventDocument(const ::davit::v1::Event& event);

}  // namespace davit::cli
