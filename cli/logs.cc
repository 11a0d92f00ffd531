// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/time.h"
#include "cli/by_name.h"
#include "cli/follow.h"
#include "cli/moment.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

struct Log {
  std::string path;
  AskContainer ask;
};

Result<Log> FindLog(const Session& session, const std::string& name) {
  auto local = [&](const api::Container& container) {
    return Log{container.log_path(), AskLocal(session.daemon, container.id(), /*restarting_goes_on=*/true)};
  };
  auto kubelets = [&](const Target& target) -> Result<Log> {
    const std::string& id = target.container->id();
    return Log{TRY(StatusOfKubelets(session.daemon, id)).log_path(), AskKubelets(session.daemon, id)};
  };
  return ByName(session.daemon, name, local, kubelets);
}

Result<LogChoice> ChoiceOf(const LogsOptions& options) {
  LogChoice choice;
  int64_t now = UnixNanoseconds();
  choice.since = TRY(ParseMoment("--since", options.since, now));
  choice.until = TRY(ParseMoment("--until", options.until, now));
  choice.tail = TRY(ParseTail(options.tail));
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
  Result<> followed = FollowContainer(session, tail, choice, form, log.ask);
  if (!followed && followed.error().code == Code::kCancelled) return kInterrupted;
  TRY(std::move(followed));
  return 0;
}

}  // namespace davit::cli
