// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/file_io.h"
#include "base/unique_fd.h"
#include "cli/containers.h"
#include "cli/port_choice.h"
#include "cli/pull.h"
#include "cli/sessions.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

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

Result<api::CreateContainerResponse> CreateOnce(const Session& session, const RunOptions& options,
                                                api::CreateContainerRequest request) {
  TRY(ChoosePorts(session.daemon, options, *request.mutable_spec()));
  return session.daemon.Call(&OwnContainerStub::Create, request, CallMode::kPatient);
}

// Creates the container, and pulls its image as the options say. The image that the node has needs no
// question. To fill volumes takes as long as to copy what the image has there.
Result<api::CreateContainerResponse> CreateFrom(const Session& session, const RunOptions& options) {
  PullPolicy policy = TRY(ParsePullPolicy(options.pull));
  TRY(CheckIdFile(options.id_file));
  auto request = TRY(BuildCreateRequest(options));
  if (policy == PullPolicy::kAlways) TRY(PullFor(session, options));
  Result<api::CreateContainerResponse> created = CreateOnce(session, options, request);
  bool absent = !created && created.error().code == Code::kNotFound;
  if (absent && policy == PullPolicy::kMissing) {
    if (!options.quiet) session.console.Remark("pulling " + options.image);
    TRY(PullFor(session, options));
    created = CreateOnce(session, options, request);
  }
  if (created) TRY(WriteIdFile(options.id_file, created->id()));
  return created;
}

Result<> TellCreated(const Console& console, const api::CreateContainerResponse& container) {
  if (console.format == OutputFormat::kTable) return console.Print(container.id() + "\n");
  return console.PrintJson({{"id", container.id()}, {"name", container.name()}});
}

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
  if (Result<> started = StartContainer(session, container.id()); !started)
    return FailStart(session, options, container.id(), started.error());
  TRY(TellCreated(session.console, container));
  return 0;
}

}  // namespace davit::cli
