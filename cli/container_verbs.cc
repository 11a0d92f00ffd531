// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// start, stop, restart, kill, pause, unpause, wait, rename and rm.

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/containers.h"
#include "cli/each.h"
#include "cli/quantity.h"
#include "cli/sessions.h"
#include "cli/target.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

// What people may mean instead of a local container: the kubelet's are not theirs to touch.
Error ExplainNotFound(const Daemon& daemon, const std::string& name, Error error) {
  if (error.code != Code::kNotFound) return error;
  if (Result<Target> target = FindContainer(daemon, name)) {
    error.code = Code::kFailedPrecondition;
    error.context = name +
                    " belongs to the kubelet or crictl: davit logs, exec, inspect, top and stats work with "
                    "it, and crictl stops and "
                    "removes it";
  }
  return error;
}

Result<int> ForEachContainer(const Session& session, const std::vector<std::string>& names,
                             const std::function<Result<>(const std::string& name)>& act) {
  return ForEach(session, names, [&](const std::string& name) -> Result<> {
    Result<> acted = act(name);
    if (acted) return acted;
    return std::unexpected(ExplainNotFound(session.daemon, name, std::move(acted).error()));
  });
}

// As in Docker, attaches to one that runs already.
Result<int> StartAndAttach(const Session& session, const StartOptions& options) {
  if (options.ids.size() != 1)
    return Fail(Code::kInvalidArgument, "--attach", "", "is for one container at a time");
  Result<api::Container> found = InspectContainer(session.daemon, options.ids[0]);
  if (!found)
    return std::unexpected(ExplainNotFound(session.daemon, options.ids[0], std::move(found).error()));
  if (found->state().status() == api::ContainerState::RUNNING) {
    AttachOptions attach{
        .id = found->id(), .no_stdin = !options.interactive, .detach_keys = options.detach_keys};
    return Perform(session, attach);
  }
  AttachedRun run{.id = found->id(),
                  .input = options.interactive,
                  .tty = found->spec().tty(),
                  .detach_keys = options.detach_keys};
  TRY(CheckInputDevice(session.console, run.tty, run.input));
  return StartAttached(session, run, [](const Error& error) { return Result<int>(std::unexpected(error)); });
}

}  // namespace

Result<int> Perform(const Session& session, const StartOptions& options) {
  if (options.attach || options.interactive) return StartAndAttach(session, options);
  return ForEachContainer(session, options.ids,
                          [&](const std::string& name) { return StartContainer(session, name); });
}

Result<int> Perform(const Session& session, const StopOptions& options) {
  return ForEachContainer(session, options.ids, [&](const std::string& name) {
    return StopContainer(session, name, options.grace_seconds);
  });
}

Result<int> Perform(const Session& session, const RestartOptions& options) {
  return ForEachContainer(session, options.ids, [&](const std::string& name) -> Result<> {
    api::RestartContainerRequest request;
    request.set_container(name);
    if (options.grace_seconds) request.set_grace_seconds(static_cast<uint32_t>(*options.grace_seconds));
    TRY(session.daemon.Call(&OwnContainerStub::Restart, request, CallMode::kPatient));
    return {};
  });
}

Result<int> Perform(const Session& session, const KillOptions& options) {
  int signal = TRY(ParseSignal(options.signal));
  return ForEachContainer(session, options.ids, [&](const std::string& name) {
    return KillContainer(session.daemon, name, signal);
  });
}

Result<int> Perform(const Session& session, const PauseOptions& options) {
  return ForEachContainer(session, options.ids, [&](const std::string& name) -> Result<> {
    api::PauseContainerRequest request;
    request.set_container(name);
    TRY(session.daemon.Call(&OwnContainerStub::Pause, request, CallMode::kShielded));
    return {};
  });
}

Result<int> Perform(const Session& session, const UnpauseOptions& options) {
  return ForEachContainer(session, options.ids, [&](const std::string& name) -> Result<> {
    api::UnpauseContainerRequest request;
    request.set_container(name);
    TRY(session.daemon.Call(&OwnContainerStub::Unpause, request, CallMode::kShielded));
    return {};
  });
}

// Prints the exit codes, in the order of the containers; goes on after a failure, as docker does.
Result<int> Perform(const Session& session, const WaitOptions& options) {
  nlohmann::json codes = nlohmann::json::array();
  std::optional<Error> failure;
  for (const std::string& name : options.ids) {
    Result<int> exit_code = AwaitEnd(session.daemon, name, api::WaitContainerRequest::NOT_RUNNING);
    if (!exit_code) {
      if (failure) session.console.Remark(failure->ToString());
      failure = ExplainNotFound(session.daemon, name, std::move(exit_code).error());
      if (failure->code == Code::kCancelled) break;
      continue;
    }
    if (session.console.format == OutputFormat::kTable)
      TRY(session.console.Print(std::to_string(*exit_code) + "\n"));
    codes.push_back(*exit_code);
  }
  if (session.console.format == OutputFormat::kJson) TRY(session.console.PrintJson(codes));
  if (failure) return std::unexpected(std::move(*failure));
  return 0;
}

Result<int> Perform(const Session& session, const RenameOptions& options) {
  api::RenameContainerRequest request;
  request.set_container(options.id);
  request.set_name(options.name);
  TRY(session.daemon.Call(&OwnContainerStub::Rename, request));
  return 0;
}

Result<int> Perform(const Session& session, const RmOptions& options) {
  return ForEachContainer(session, options.ids, [&](const std::string& name) {
    return RemoveContainer(session, name, options.force, options.volumes);
  });
}

}  // namespace davit::cli
