// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/event_filter.h"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/time.h"
#include "cli/quantity.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;
using nlohmann::json;

constexpr int64_t kSecond = 1'000'000'000;

std::string AttributeOf(const api::Event& event, const std::string& name) {
  auto found = event.attributes().find(name);
  return found == event.attributes().end() ? "" : found->second;
}

// "health_status: healthy" is a "health_status", too.
bool IsAction(const api::Event& event, const std::string& action) {
  return event.action() == action || event.action().starts_with(action + ":");
}

bool Satisfies(const api::Event& event, const std::string& key, const std::string& value) {
  if (key == "type") return event.type() == value;
  if (key == "event") return IsAction(event, value);
  if (key == "image") return AttributeOf(event, "image") == value;
  // The others name what has the event.
  return event.type() == key && (event.id().starts_with(value) || AttributeOf(event, "name") == value);
}

}  // namespace

Result<EventFilter> EventFilter::Parse(const std::vector<std::string>& filters) {
  constexpr const char* kKeys[] = {"container", "event", "image", "network", "type", "volume"};
  EventFilter filter;
  for (const std::string& text : filters) {
    size_t equals = text.find('=');
    std::string key = text.substr(0, equals);
    if (equals == std::string::npos || equals + 1 == text.size() ||
        std::ranges::find(kKeys, key) == std::end(kKeys)) {
      return Fail(Code::kInvalidArgument, "--filter", text,
                  "write KEY=VALUE with one of the keys container, event, image, network, type and volume");
    }
    filter.values_[key].push_back(text.substr(equals + 1));
  }
  return filter;
}

bool EventFilter::Takes(const api::Event& event) const {
  return std::ranges::all_of(values_, [&event](const auto& wanted) {
    return std::ranges::any_of(
        wanted.second, [&](const std::string& value) { return Satisfies(event, wanted.first, value); });
  });
}

Result<int64_t> ParseEventTime(const char* flag, const std::string& text, int64_t now) {
  if (Result<int64_t> ago = ParseDuration(text); ago && text != "0") return std::max<int64_t>(now - *ago, 1);
  double seconds = 0;
  auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr double kMostSeconds = 9e9;
  if (bad == std::errc() && end == text.data() + text.size() && seconds >= 0 && seconds < kMostSeconds)
    return std::max<int64_t>(static_cast<int64_t>(seconds * 1e9), 1);
  std::string plain = text.substr(0, text.find_first_of(".Z"));
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    tm parts{};
    const char* rest = strptime(plain.c_str(), format, &parts);
    if (rest != nullptr && *rest == '\0') return std::max<int64_t>(timegm(&parts) * kSecond, 1);
  }
  return Fail(Code::kInvalidArgument, flag, text,
              "write a time such as 2026-01-02T03:04:05Z, or how long ago, such as 10m");
}

std::string EventLine(const api::Event& event) {
  const std::map<std::string, std::string> sorted(event.attributes().begin(), event.attributes().end());
  std::string list;
  for (const auto& [name, value] : sorted) list.append(list.empty() ? "" : ", ").append(name + "=" + value);
  return Printable(FormatRfc3339Nano(event.happened_at()) + " " + event.type() + " " + event.action() + " " +
                   event.id() + (list.empty() ? "" : " (" + list + ")"));
}

json EventDocument(const api::Event& event) {
  json attributes = json::object();
  for (const auto& [name, value] : event.attributes()) SetJsonMember(attributes, name, value);
  return {{"Type", event.type()},
          {"Action", event.action()},
          {"Actor", {{"ID", event.id()}, {"Attributes", attributes}}},
          {"scope", "local"},
          {"time", event.happened_at() / kSecond},
          {"timeNano", event.happened_at()},
          {"status", event.action()},
          {"id", event.id()},
          {"from", AttributeOf(event, "image")}};
}

}  // namespace davit::cli
