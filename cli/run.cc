// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file_io.h"
#include "base/unique_fd.h"
#include "cli/containers.h"
#include "cli/follow.h"
#include "cli/pull.h"
#include "cli/sessions.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

constexpr int64_t kGraceSeconds = 10;

Result<> PullFor(const Session& session, const RunOptions& options) {
  if (options.quiet) {
    TRY(PullQuietly(session, options.image));
    return {};
  }
  TRY(PullShowing(session, options.image, session.console.err));
  return {};
}

// As in Docker, an id that is there already is not replaced.
Result<> CheckIdFile(const std::string& path) {
  if (path.empty() || access(path.c_str(), F_OK) < 0) return {};
  return Fail(Code::kInvalidArgument, "--cidfile", path,
              "the file exists: remove it if the container that it names is not needed any more");
}

Result<> WriteIdFile(const std::string& path, const std::string& id) {
  if (path.empty()) return {};
  UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) return SystemError("create", path);
  return WriteAll(file.get(), id, path);
}

// Creates the container, and pulls its image as the options say. The image that the node has needs no
// question. To fill volumes takes as long as to copy what the image has there.
Result<api::CreateContainerResponse> CreateFrom(const Session& session, const RunOptions& options) {
  PullPolicy policy = TRY(ParsePullPolicy(options.pull));
  TRY(CheckIdFile(options.id_file));
  auto request = TRY(BuildCreateRequest(options));
  if (policy == PullPolicy::kAlways) TRY(PullFor(session, options));
  auto created = session.daemon.Call(&OwnContainerStub::Create, request, CallMode::kPatient);
  bool absent = !created && created.error().code == Code::kNotFound;
  if (absent && policy == PullPolicy::kMissing) {
    if (!options.quiet) session.console.Remark("pulling " + options.image);
    TRY(PullFor(session, options));
    created = session.daemon.Call(&OwnContainerStub::Create, request, CallMode::kPatient);
  }
  if (created) TRY(WriteIdFile(options.id_file, created->id()));
  return created;
}

Result<> TellCreated(const Console& console, const api::CreateContainerResponse& container) {
  if (console.format == OutputFormat::kTable) return console.Print(container.id() + "\n");
  return console.PrintJson({{"id", container.id()}, {"name", container.name()}});
}

// Ctrl-C once asks the workload to end, twice ends it, and a third time leaves it alone. The log goes on
// meanwhile.
class StopOnInterrupt {
 public:
  StopOnInterrupt(const Session& session, std::string container_id, int64_t grace_seconds)
      : session_(session), container_id_(std::move(container_id)), grace_seconds_(grace_seconds) {}

  OnInterrupt operator()() {
    if (count_ == stops_.size()) return OnInterrupt::kLeave;
    int64_t grace_seconds = count_ == 0 ? grace_seconds_ : 0;
    stops_[count_++] = std::jthread([this, grace_seconds] {
      Result<> stopped = StopContainer(session_, container_id_, grace_seconds);
      // One that is removed when it has ended may be gone already.
      if (!stopped && stopped.error().code != Code::kNotFound)
        session_.console.Remark(stopped.error().ToString());
    });
    return OnInterrupt::kGoOn;
  }

 private:
  const Session& session_;
  std::string container_id_;
  int64_t grace_seconds_;
  size_t count_ = 0;
  std::array<std::jthread, 2> stops_;
};

// The program has not been started: its container says with which exit status. With --rm the daemon has
// removed it, unless it was out of reach.
Result<int> FailStart(const Session& session, const RunOptions& options, const std::string& id,
                      const Error& error) {
  session.console.Remark(error.ToString());
  Result<api::Container> container = InspectContainer(session.daemon, id);
  Result<int> status = container ? Result<int>(container->state().exit_code())
                                 : AwaitEnd(session.daemon, id, api::WaitContainerRequest::NOT_RUNNING);
  if (options.remove && container) {
    Result<> removed = RemoveContainer(session, id, /*force=*/true);
    if (!removed && removed.error().code != Code::kNotFound)
      session.console.Remark("the container remains: " + removed.error().ToString());
  }
  return status.value_or(0) == 0 ? kOwnError : *status;
}

// The log is opened before the start: one that is removed when it has ended takes its log along.
Result<LogTail> OpenLog(const std::string& path) {
  LogTail tail = TRY(LogTail::Watch(path));
  TRY(tail.Drain([](std::string_view) { return Result<>(); }));
  TRY(tail.KeepUp());
  return tail;
}

// A program that has succeeded does not make up for output that was lost.
Result<int> ShowOutput(const Session& session, LogTail& tail, const std::string& id,
                       const std::function<OnInterrupt()>& interrupted) {
  bool lost = false;
  for (;;) {
    auto ended = FollowContainer(session, tail, LogChoice(), LogForm::kPlain,
                                 AskLocal(session.daemon, id, /*restarting_goes_on=*/false), interrupted);
    if (!ended && ended.error().code != Code::kDataLoss) return std::unexpected(std::move(ended).error());
    if (ended) {
      int status = ended->value_or(kInterrupted);
      return lost && status == 0 ? kOwnError : status;
    }
    session.console.Remark(ended.error().ToString());
    lost = true;
  }
}

Result<int> RunInForeground(const Session& session, const RunOptions& options,
                            const api::CreateContainerResponse& container) {
  Result<LogTail> tail = OpenLog(container.log_path());
  if (!tail) {
    (void)RemoveContainer(session, container.id(), /*force=*/true);
    return std::unexpected(Within("read the container's output (with -d it is not read)", tail.error()));
  }
  if (Result<> started = StartContainer(session, container.id()); !started)
    return FailStart(session, options, container.id(), started.error());
  StopOnInterrupt stop(session, container.id(), options.stop_timeout.value_or(kGraceSeconds));
  return ShowOutput(session, *tail, container.id(), [&stop] { return stop(); });
}

Result<int> RunInSession(const Session& session, const RunOptions& options, const std::string& id) {
  AttachedRun run{id, options.interactive, options.tty, options.sig_proxy, options.detach_keys};
  return StartAttached(session, run,
                       [&](const Error& error) { return FailStart(session, options, id, error); });
}

// What can be known before a container is made.
Result<> CheckSession(const Session& session, const RunOptions& options) {
  TRY(ParseDetachKeys(options.detach_keys));
  return HoldsSession(options) ? CheckInputDevice(session.console, options.tty, options.interactive)
                               : Result<>();
}

}  // namespace

Result<int> Perform(const Session& session, const CreateOptions& options) {
  TRY(TellCreated(session.console, TRY(CreateFrom(session, options.run))));
  return 0;
}

Result<int> Perform(const Session& session, const RunOptions& options) {
  TRY(CheckSession(session, options));
  auto container = TRY(CreateFrom(session, options));
  if (HoldsSession(options)) return RunInSession(session, options, container.id());
  if (!options.detach) return RunInForeground(session, options, container);
  if (Result<> started = StartContainer(session, container.id()); !started)
    return FailStart(session, options, container.id(), started.error());
  TRY(TellCreated(session.console, container));
  return 0;
}

}  // namespace davit::cli
