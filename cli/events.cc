// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "base/time.h"
#include "cli/event_filter.h"
#include "cli/template.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

Result<> Print(const Console& console, const std::string& format, const api::Event& event) {
  bool as_json = format == "json" || (format.empty() && console.format == OutputFormat::kJson);
  if (format.empty() && !as_json) return console.Print(EventLine(event) + "\n");
  return console.Print(TRY(RenderTemplate(as_json ? "{{json .}}" : format, EventDocument(event))) + "\n");
}

}  // namespace

// As in Docker, an interrupt ends it with success: it has shown what there was.
Result<int> Perform(const Session& session, const EventsOptions& options) {
  const EventFilter filter = TRY(EventFilter::Parse(options.filters));
  int64_t now = UnixNanoseconds();
  api::WatchEventsRequest request;
  if (!options.since.empty()) request.set_since(TRY(ParseEventTime("--since", options.since, now)));
  if (!options.until.empty()) request.set_until(TRY(ParseEventTime("--until", options.until, now)));
  std::function<Result<>(const api::Event&)> take = [&](const api::Event& event) -> Result<> {
    return filter.Takes(event) ? Print(session.console, options.format, event) : Result<>();
  };
  Result<> read = session.daemon.ReadInto(&EventStub::Watch, request, take, CallMode::kPatient);
  if (!read && read.error().code == Code::kCancelled && session.interrupt.Pending()) return 0;
  TRY(std::move(read));
  return 0;
}

}  // namespace davit::cli
