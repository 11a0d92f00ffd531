// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/pod.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "base/ids.h"
#include "shim/late_logs.h"
#include "shim/outcome_socket.h"
#include "shim/role_fds.h"
#include "shim/session.h"
#include "shim/unused_stack.h"

namespace davit::shim {
namespace {

// Execs that have not reached their programs, of all containers together. Each is a process of ours that a
// slow or hung container holds; probes of a healthy pod have a few for some milliseconds.
constexpr size_t kMaxStartingExecs = 64;

// A session costs up to two descriptors for as long as its client wants.
constexpr size_t kMaxExecsForSession = 256;

// After which a shutdown no longer waits for processes that hang in the kernel.
constexpr int64_t kShutdownPatienceMs = 10'000;

// And no longer for the logs of containers that are gone.
constexpr int64_t kLogPatienceMs = 2000;

Result<> CheckName(const std::string& id, std::string_view step) {
  // It becomes a file name, the exit record's.
  if (IsId(id)) return {};
  return Fail(Code::kInvalidArgument, step, id, "not an id");
}

std::unexpected<Error> ForeignVersion(std::string_view step, const Versions& daemon) {
  return Fail(Code::kUnimplemented, step, "protocol " + std::to_string(daemon.version),
              "this shim speaks " + std::to_string(kOwnVersions.version) + " and the daemon nothing before " +
                  std::to_string(daemon.oldest));
}

}  // namespace

Pod::Pod(Environment& env, std::string sandbox_id, Announce announce)
    : env_(env),
      sandbox_id_(std::move(sandbox_id)),
      announce_(std::move(announce)),
      sandbox_(env, [this] { OnSandboxFailed(); }),
      exit_records_(env) {}

void Pod::Handle(Frame request, Respond respond) {
  Result<> begun;
  switch (static_cast<ShimMessage>(request.type)) {
    case ShimMessage::kHello:
      return respond(Hello(request));
    case ShimMessage::kStartSandbox:
      return respond(StartSandbox(request));
    case ShimMessage::kReopenLog:
      begun = BeginReopen(request, respond);
      break;
    case ShimMessage::kKillContainer:
      return respond(Kill(request));
    case ShimMessage::kAttach:
      return respond(Attach(request));
    case ShimMessage::kCloseInput:
      return respond(CloseInput(request));
    case ShimMessage::kShutdown:
      return BeginShutdown(std::move(respond));
    case ShimMessage::kStartContainer:
      begun = BeginContainer(request, respond);
      break;
    case ShimMessage::kExec:
      begun = BeginExec(request, respond);
      break;
    default:
      begun = Fail(Code::kUnimplemented, "handle request", "type " + std::to_string(request.type));
  }
  if (!begun) respond(std::unexpected(begun.error()));
}

Result<Answer> Pod::Hello(const Frame& request) {
  auto hello = TRY(Decode<HelloRequest>(request.payload, "HelloRequest"));
  HelloReply reply;
  reply.shim = kOwnVersions;
  reply.pid = getpid();
  reply.sandbox_id = sandbox_id_;
  reply.sandbox_started = sandbox_.started();
  reply.sandbox_failed = sandbox_.failure();
  if (hello.after.empty()) {
    reply.unrecorded_exits = exit_records_.TellUnrecorded();
    TellExecExits();
  }
  Answer answer{ShimMessage::kHelloReply, {}, NamespaceFds()};
  size_t groups = 0;
  for (auto it = containers_.upper_bound(hello.after); it != containers_.end() && !reply.more; ++it) {
    const Container& container = *it->second;
    if (!container.running()) continue;
    groups += container.live().groups.size();
    reply.more = reply.containers.size() == kMaxContainersInHello ||
                 (groups > kMaxGroupsInHello && !reply.containers.empty());
    if (reply.more) break;
    reply.containers.push_back(container.live());
    answer.fds.emplace_back(FdRole::kProcess, container.pidfd().get());
  }
  answer.payload = Encode(reply);
  return answer;
}

std::vector<RoleFd> Pod::NamespaceFds() const {
  std::vector<RoleFd> fds;
  const PodNamespaces& namespaces = sandbox_.namespaces();
  if (namespaces.net) fds.emplace_back(FdRole::kNetNamespace, namespaces.net.get());
  if (namespaces.user) fds.emplace_back(FdRole::kUserNamespace, namespaces.user.get());
  return fds;
}

Result<Answer> Pod::StartSandbox(const Frame& request) {
  auto start = TRY(Decode<struct StartSandbox>(request.payload, "StartSandbox"));
  if (!AreCompatible(kOwnVersions, start.daemon)) return ForeignVersion("start sandbox", start.daemon);
  if (sandbox_.started()) return Fail(Code::kAlreadyExists, "start sandbox", sandbox_id_);
  auto plan = TRY(Decode<SandboxPlan>(start.plan, "sandbox plan"));
  if (plan.sandbox_id != sandbox_id_)
    return Fail(Code::kInvalidArgument, "start sandbox", sandbox_id_, "the plan is of another one");
  auto started = sandbox_.Start(plan);
  if (!started) return std::unexpected(Within("start sandbox", started.error()));
  return Answer{ShimMessage::kSandboxStarted, Encode(SandboxStarted{kOwnVersions}), NamespaceFds()};
}

Result<> Pod::BeginContainer(Frame& request, const Respond& respond) {
  auto start = TRY(Decode<struct StartContainer>(request.payload, "StartContainer"));
  const std::string& id = start.container_id;
  TRY(CheckName(id, "start"));
  if (!sandbox_.started()) return Fail(Code::kFailedPrecondition, "start", id, "the sandbox is not started");
  TRY(RefuseDuringShutdown("start", id));
  if (const std::string& failure = sandbox_.failure(); !failure.empty())
    return Fail(Code::kFailedPrecondition, "start", id, failure);
  if (containers_.contains(id)) return Fail(Code::kAlreadyExists, "start", id);
  RoleFds fds = TRY(SortByRole(std::move(request.fds), "start", id));
  auto container = std::make_unique<Container>(
      env_, id,
      Container::Callbacks{[this, id, attachment = start.attachment, respond](Result<> result) {
                             OnContainerStarted(id, std::move(result), attachment, respond);
                           },
                           [this](const ContainerExited& exit) { OnContainerExited(exit); }});
  // Listed first: the start may fail and be taken off the list again before Start returns.
  Container& listed = *(containers_[id] = std::move(container));
  auto begun = listed.Start({&sandbox_.namespaces(), sandbox_.reaper()}, start, std::move(fds));
  if (!begun) containers_.erase(id);
  return begun;
}

void Pod::OnContainerStarted(const std::string& id, Result<> result,
                             const std::optional<Attachment>& attachment, const Respond& respond) {
  if (result) {
    Container& container = *containers_.at(id);
    Answer answer{ShimMessage::kContainerStarted,
                  Encode(container.live()),
                  {{FdRole::kProcess, container.pidfd().get()}}};
    if (attachment) AddInput(container, attachment->input, answer);
    respond(std::move(answer));
    ReleaseUnusedStack();
    return;
  }
  Respond answer = respond;  // the one given is the container's
  containers_.erase(id);
  answer(std::unexpected(std::move(result).error()));
  ContinueShutdown();
}

void Pod::OnContainerExited(const ContainerExited& exit) {
  containers_.erase(exit.container_id);
  bool recorded = exit_records_.Write(exit);
  bool told = announce_(ShimMessage::kContainerExited, Encode(exit));
  if (!recorded) exit_records_.Keep(exit, told);
  ContinueShutdown();
}

void Pod::OnSandboxFailed() {
  announce_(ShimMessage::kSandboxFailed, Encode(SandboxFailed{sandbox_.failure()}));
}

// A shutdown kills what it finds when it begins, and waits for nothing else.
Result<> Pod::RefuseDuringShutdown(std::string_view step, const std::string& id) const {
  if (awaiting_shutdown_.empty()) return {};
  return Fail(Code::kFailedPrecondition, step, id, "the sandbox is being shut down");
}

Result<Container*> Pod::FindRunning(const std::string& id) {
  auto it = containers_.find(id);
  if (it == containers_.end()) return SystemError("find container", id, ESRCH);
  if (!it->second->running())
    return Fail(Code::kFailedPrecondition, "find container", id, "it is still starting");
  return it->second.get();
}

Result<> Pod::BeginExec(Frame& request, const Respond& respond) {
  auto wanted = TRY(Decode<ExecRequest>(request.payload, "ExecRequest"));
  const std::string& id = wanted.exec_id;
  RoleFds fds = TRY(SortByRole(std::move(request.fds), "exec", id));
  if (!fds.outcome) {
    return StartExec(wanted, std::move(fds), Exec::Told::kStartAndEnd,
                     {[this, id, respond](Result<> result) { OnExecStarted(id, std::move(result), respond); },
                      [this](const ExecExited& exit) { OnExecExited(exit); }});
  }
  wanted.session ? BeginSession(wanted, std::move(fds)) : BeginWaitedExec(wanted, std::move(fds));
  return {};
}

void Pod::BeginWaitedExec(const ExecRequest& wanted, RoleFds fds) {
  auto outcome = std::make_shared<OutcomeSocket>(env_.loop, std::move(fds.outcome));
  Result<> begun = outcome->Watch([this, id = wanted.exec_id] {
    if (Exec* exec = FindExec(id)) exec->Kill();
  });
  if (begun) {
    begun = StartExec(wanted, std::move(fds), Exec::Told::kEnd,
                      {[outcome](Result<> result) {
                         if (!result) outcome->Failed(result.error());
                       },
                       [outcome](const ExecExited& exit) { outcome->Ended(exit); }});
  }
  if (!begun) outcome->Failed(begun.error());
}

void Pod::BeginSession(const ExecRequest& wanted, RoleFds fds) {
  auto client = std::make_shared<OutcomeSocket>(env_.loop, std::move(fds.outcome));
  const std::string& id = wanted.exec_id;
  if (execs_.size() >= kMaxExecsForSession)
    return client->Failed({Code::kResourceExhausted, 0, "exec", wanted.container_id,
                           std::to_string(execs_.size()) + " commands run in this pod"});
  Result<> begun = client->Converse([this, id](const Frame& message) { OnSessionMessage(id, message); },
                                    [this, id] { OnSessionEnd(id); });
  if (begun) {
    begun = StartExec(wanted, std::move(fds), Exec::Told::kStartAndEnd,
                      {[this, id, client](Result<> result) {
                         if (!result) return client->Failed(result.error());
                         Exec& exec = *execs_.at(id);
                         client->Started({exec.pid()}, exec.terminal());
                       },
                       [client](const ExecExited& exit) { client->Ended(exit); }});
  }
  if (!begun) client->Failed(begun.error());
}

Exec* Pod::FindExec(const std::string& id) {
  auto exec = execs_.find(id);
  return exec == execs_.end() ? nullptr : exec->second.get();
}

void Pod::OnSessionMessage(const std::string& exec_id, const Frame& message) {
  Exec* exec = FindExec(exec_id);
  if (exec == nullptr) return;
  switch (static_cast<SessionMessage>(message.type)) {
    case SessionMessage::kSignal: {
      auto wanted = Decode<SessionSignal>(message.payload, "SessionSignal");
      if (wanted && wanted->signal >= 1 && wanted->signal <= SIGRTMAX) exec->Signal(wanted->signal);
      break;
    }
    case SessionMessage::kDetach:
      if (Result<> kept = exec->KeepTerminal(); !kept)
        env_.log.Log(LogLevel::kError, "a terminal hangs up with its client",
                     {{"error", kept.error().ToString()}});
      break;
    default:
      break;
  }
}

// Without a terminal the command has no other way to learn that its client has gone.
void Pod::OnSessionEnd(const std::string& exec_id) {
  Exec* exec = FindExec(exec_id);
  if (exec == nullptr || exec->keeps_terminal()) return;
  exec->terminal() >= 0 && !exec->IsStarting() ? exec->HangUp() : exec->Kill();
}

Result<> Pod::StartExec(const ExecRequest& wanted, RoleFds fds, Exec::Told told, Exec::Callbacks tell) {
  Container* container = TRY(FindRunning(wanted.container_id));
  const std::string& id = wanted.exec_id;
  TRY(RefuseDuringShutdown("exec", id));
  if (execs_.contains(id)) return Fail(Code::kAlreadyExists, "exec", id);
  if (IsFullOfStarts())
    return Fail(Code::kResourceExhausted, "exec", wanted.container_id,
                std::to_string(kMaxStartingExecs) + " commands of this pod have not started yet");
  auto on_started = [this, id, tell = std::move(tell.on_started)](Result<> result) {
    bool failed = !result;
    tell(std::move(result));
    if (!failed) return;
    execs_.erase(id);
    ContinueShutdown();
  };
  auto on_exited = [this, tell = std::move(tell.on_exited)](const ExecExited& exit) {
    execs_.erase(exit.exec_id);
    tell(exit);
    ReleaseUnusedStack();
    ContinueShutdown();
  };
  // Listed first: it may fail and be taken off the list again before Start returns.
  Exec& listed = *(execs_[id] = std::make_unique<Exec>(env_, id, Exec::Callbacks{on_started, on_exited}));
  WindowSize window = wanted.session ? wanted.session->window : WindowSize();
  auto begun = listed.Start(*container, wanted.plan, std::move(fds), told, window);
  if (!begun) execs_.erase(id);
  return begun;
}

bool Pod::IsFullOfStarts() {
  if (execs_.size() < kMaxStartingExecs) return false;
  auto starting = std::ranges::count_if(execs_, [](const auto& entry) { return entry.second->IsStarting(); });
  return static_cast<size_t>(starting) >= kMaxStartingExecs;
}

void Pod::OnExecStarted(const std::string& id, Result<> result, const Respond& respond) {
  if (!result) return respond(std::unexpected(std::move(result).error()));
  Exec& exec = *execs_.at(id);
  UniqueFd terminal = exec.TakeTerminal();
  Answer started{
      ShimMessage::kExecStarted, Encode(ExecStarted{exec.pid()}), {{FdRole::kProcess, exec.pidfd().get()}}};
  if (terminal) started.fds.emplace_back(FdRole::kTerminal, terminal.get());
  respond(std::move(started));
}

void Pod::OnExecExited(const ExecExited& exit) {
  if (!announce_(ShimMessage::kExecExited, Encode(exit))) untold_exec_exits_.push_back(exit);
}

// Those of a connection that was lost: whoever waits for one still waits, if the daemon is the same.
void Pod::TellExecExits() {
  for (const ExecExited& exit : std::exchange(untold_exec_exits_, {})) OnExecExited(exit);
}

Result<> Pod::BeginReopen(Frame& request, const Respond& respond) {
  auto wanted = TRY(Decode<ReopenLog>(request.payload, "ReopenLog"));
  UniqueFd log = TRY(request.fds.Require(FdRole::kLog, "reopen log", wanted.container_id));
  TRY(request.fds.ExpectNoMore("reopen log", wanted.container_id));
  auto it = containers_.find(wanted.container_id);
  if (it == containers_.end()) return SystemError("reopen log", wanted.container_id, ESRCH);
  if (!it->second->has_log())
    return Fail(Code::kFailedPrecondition, "reopen log", wanted.container_id, "it is still starting");
  it->second->ReopenLog(std::move(log), [respond] { respond(Answer{}); });
  return {};
}

Result<Answer> Pod::Kill(const Frame& request) {
  auto wanted = TRY(Decode<KillContainer>(request.payload, "KillContainer"));
  auto it = containers_.find(wanted.container_id);
  if (it == containers_.end()) return SystemError("kill container", wanted.container_id, ESRCH);
  it->second->Kill();
  return Answer{};
}

Result<Answer> Pod::Attach(Frame& request) {
  auto wanted = TRY(Decode<AttachRequest>(request.payload, "AttachRequest"));
  Container* container = TRY(FindRunning(wanted.container_id));
  RoleFds fds = TRY(SortByRole(std::move(request.fds), "attach", wanted.container_id));
  TRY(container->Attach({std::move(fds.stdout_fd), std::move(fds.stderr_fd), std::move(fds.cut_off),
                         wanted.patient.value_or(false)}));
  Answer answer{ShimMessage::kAttached, {}, {}};
  AddInput(*container, wanted.input, answer);
  return answer;
}

void Pod::AddInput(Container& container, bool wants_input, Answer& answer) {
  if (int terminal = container.terminal(); terminal >= 0) {
    answer.fds.emplace_back(FdRole::kTerminal, terminal);
  } else if (int input = container.input(); input >= 0 && wants_input) {
    answer.fds.emplace_back(FdRole::kInput, input);
    if (container.input_is_for_one()) answer.given_away = container.TakeInput();
  }
}

Result<Answer> Pod::CloseInput(const Frame& request) {
  auto wanted = TRY(Decode<struct CloseInput>(request.payload, "CloseInput"));
  Container* container = TRY(FindRunning(wanted.container_id));
  container->CloseInput();
  return Answer{};
}

void Pod::BeginShutdown(Respond respond) {
  awaiting_shutdown_.push_back(std::move(respond));
  if (awaiting_shutdown_.size() > 1) return;  // joined
  env_.timers.Add(kShutdownPatienceMs, [this] { EndShutdown(); });
  for (const auto& [id, container] : containers_) container->Kill();
  for (const auto& [id, exec] : execs_) exec->Kill();
  ContinueShutdown();
}

void Pod::ContinueShutdown() {
  if (awaiting_shutdown_.empty() || stopping_sandbox_ || !containers_.empty() || !execs_.empty()) return;
  if (!env_.late_logs.empty() && !leaves_logs_) {
    if (log_patience_ == 0) log_patience_ = env_.timers.Add(kLogPatienceMs, [this] { LeaveLogs(); });
    return env_.late_logs.Await([this] { ContinueShutdown(); });
  }
  stopping_sandbox_ = true;
  sandbox_.Stop([this] { EndShutdown(); });
}

void Pod::LeaveLogs() {
  leaves_logs_ = true;
  env_.log.Log(LogLevel::kError, "output of the pod is lost, as its log does not take it",
               {{"sandbox", sandbox_id_}});
  ContinueShutdown();
}

void Pod::EndShutdown() {
  if (ended_) return;
  if (!containers_.empty() || !execs_.empty()) {
    env_.log.Log(LogLevel::kError, "processes survive their pod", {{"sandbox", sandbox_id_}});
  }
  ended_ = true;
  for (const Respond& respond : awaiting_shutdown_) respond(Answer{});
}

}  // namespace davit::shim
