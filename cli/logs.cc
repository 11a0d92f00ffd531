// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <charconv>

#include "base/time.h"
#include "cli/containers.h"
#include "cli/follow.h"
#include "cli/target.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

struct Log {
  std::string path;
  AskContainer ask;
};

Result<Log> FindLog(const Session& session, const std::string& name) {
  Result<api::Container> container = InspectContainer(session.daemon, name);
  if (container)
    return Log{container->log_path(), AskLocal(session.daemon, container->id(), /*restarting_goes_on=*/true)};
  if (container.error().code != Code::kNotFound) return std::unexpected(std::move(container).error());
  Target target = TRY(FindContainer(session.daemon, name));
  const std::string& id = target.container->id();
  return Log{TRY(StatusOfKubelets(session.daemon, id)).log_path(), AskKubelets(session.daemon, id)};
}

Result<LogChoice> ChoiceOf(const LogsOptions& options) {
  LogChoice choice;
  choice.since = TRY(ParseSince(options.since, UnixNanoseconds()));
  if (options.tail == "all") return choice;
  size_t lines = 0;
  const char* last = options.tail.data() + options.tail.size();
  auto [end, bad] = std::from_chars(options.tail.data(), last, lines);
  if (bad != std::errc() || end != last)
    return Fail(Code::kInvalidArgument, "--tail", options.tail, "write a number of lines, or all");
  choice.tail = lines;
  return choice;
}

}  // namespace

Result<int> Perform(const Session& session, const LogsOptions& options) {
  LogChoice choice = TRY(ChoiceOf(options));
  LogForm form = options.timestamps ? LogForm::kTimestamps : LogForm::kPlain;
  Log log = TRY(FindLog(session, options.id));
  if (log.path.empty()) return Fail(Code::kFailedPrecondition, "read log of", options.id, "it has none");
  LogTail tail = TRY(LogTail::Watch(log.path));
  if (!options.follow) {
    TRY(PrintLog(session, tail, choice, form));
    return 0;
  }
  auto ended = TRY(FollowContainer(session, tail, choice, form, log.ask, [] { return OnInterrupt::kLeave; }));
  return ended ? 0 : kInterrupted;
}

}  // namespace davit::cli
