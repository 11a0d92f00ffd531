// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/shim_client.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "base/memfd.h"
#include "base/time.h"

namespace davit {
namespace {

// A request that waits for nothing else: only a shim that does not read its socket delays it.
constexpr int64_t kSendPatienceMs = 1'000;

int64_t SendDeadline() {
  return MonotonicMilliseconds() + kSendPatienceMs;
}

UniqueFd TakeLast(std::vector<UniqueFd>& fds) {
  UniqueFd last = std::move(fds.back());
  fds.pop_back();
  return last;
}

Result<ShimState> StateIn(Frame reply) {
  HelloReply hello = TRY(Decode<HelloReply>(reply.payload, "HelloReply"));
  size_t expected = hello.containers.size() + hello.has_netns + hello.has_user_namespace;
  if (reply.fds.size() != expected)
    return Fail(Code::kDataLoss, "read", "HelloReply", "descriptors are missing");
  ShimState state;
  state.sandbox_started = hello.sandbox_started;
  if (hello.has_user_namespace) state.namespaces.user = TakeLast(reply.fds);
  if (hello.has_netns) state.namespaces.network = TakeLast(reply.fds);
  for (size_t i = 0; i < hello.containers.size(); ++i)
    state.containers.push_back({std::move(hello.containers[i]), PidFd(std::move(reply.fds[i]))});
  state.unrecorded_exits = std::move(hello.unrecorded_exits);
  state.sandbox_failed = std::move(hello.sandbox_failed);
  return state;
}

Result<PodNamespaces> NamespacesIn(Frame reply, const SandboxPlan& plan) {
  size_t expected = size_t{plan.own_network} + size_t{!plan.ids.empty()};
  if (reply.fds.size() != expected)
    return Fail(Code::kInternal, "start sandbox", plan.sandbox_id, "the shim did not send all namespaces");
  PodNamespaces namespaces;
  if (!plan.ids.empty()) namespaces.user = TakeLast(reply.fds);
  if (plan.own_network) namespaces.network = TakeLast(reply.fds);
  return namespaces;
}

Result<AttachedInput> AttachedInputIn(Frame reply) {
  Attached attached = TRY(Decode<Attached>(reply.payload, "Attached"));
  AttachedInput streams;
  if (reply.fds.empty()) return streams;
  (attached.has_terminal ? streams.terminal : streams.input) = std::move(reply.fds[0]);
  return streams;
}

// `done` gets what `read` makes of the answer, or why there is none.
template <typename T, typename Read>
void AskFor(ShimLink& link, ShimMessage type, const std::string& payload, std::span<const int> fds,
            std::function<void(Result<T>)> done, Read read) {
  auto on_reply = [done, read](Result<Frame> reply) {
    if (reply)
      done(read(std::move(*reply)));
    else
      done(std::unexpected(std::move(reply).error()));
  };
  if (Result<> sent = link.Ask(type, payload, fds, SendDeadline(), on_reply); !sent)
    done(std::unexpected(std::move(sent).error()));
}

std::string ExecPayload(const ExecLaunch& launch) {
  return Encode(ExecRequest{launch.container_id, launch.exec_id, launch.frame.roles(), launch.plan});
}

void Dispatch(const ShimEvents& events, Frame frame) {
  switch (static_cast<ShimMessage>(frame.type)) {
    case ShimMessage::kContainerExited:
      if (auto exited = Decode<ContainerExited>(frame.payload, "ContainerExited"))
        events.container_exited(*exited);
      return;
    case ShimMessage::kExecExited:
      if (auto exited = Decode<ExecExited>(frame.payload, "ExecExited")) events.exec_exited(*exited);
      return;
    case ShimMessage::kSandboxFailed:
      if (auto failed = Decode<SandboxFailed>(frame.payload, "SandboxFailed"))
        events.sandbox_failed(failed->reason);
      return;
    default:
      return;  // an event of a newer shim
  }
}

// The exits first, or their containers would be missing without a reason.
void Meet(const ShimEvents& events, ShimState state) {
  for (const ContainerExited& exited : state.unrecorded_exits) events.container_exited(exited);
  std::string failure = state.sandbox_failed;
  events.met(std::move(state));
  if (!failure.empty()) events.sandbox_failed(failure);
}

}  // namespace

std::shared_ptr<ShimClient> ShimClient::Open(Reactor& reactor, const std::string& sandbox_id, UniqueFd socket,
                                             PidFd process, ShimEvents events, First first) {
  auto shared = std::make_shared<ShimEvents>(std::move(events));
  LinkEvents link_events{[shared](Frame frame) { Dispatch(*shared, std::move(frame)); },
                         [shared] { shared->died(); }};
  std::shared_ptr<ShimClient> client(new ShimClient);
  client->link_ =
      ShimLink::Open(reactor, sandbox_id, std::move(socket), std::move(process), std::move(link_events));
  if (first == First::kMeet) {
    client->AskState([shared](Result<ShimState> state) {
      if (state) Meet(*shared, std::move(*state));
    });
  }
  return client;
}

void ShimClient::AskState(std::function<void(Result<ShimState>)> done) {
  AskFor<ShimState>(*link_, ShimMessage::kHello, "", {}, std::move(done), StateIn);
}

Result<PodNamespaces> ShimClient::StartSandbox(const SandboxPlan& plan, int64_t deadline_ms) {
  UniqueFd memfd = TRY(MakeSealedMemfd("sandbox-plan", Encode(plan)));
  int fds[] = {memfd.get()};
  return NamespacesIn(TRY(link_->Call(ShimMessage::kStartSandbox, "", fds, deadline_ms)), plan);
}

Result<StartedContainer> ShimClient::StartContainer(ContainerLaunch launch, int64_t deadline_ms) {
  std::string payload =
      Encode(::davit::StartContainer{launch.container_id, launch.timeout_ms, launch.frame.roles()});
  Frame reply = TRY(link_->Call(ShimMessage::kStartContainer, payload, launch.frame.fds(), deadline_ms));
  ContainerStarted live = TRY(Decode<ContainerStarted>(reply.payload, "ContainerStarted"));
  if (reply.fds.empty())
    return Fail(Code::kInternal, "start container", launch.container_id, "no process came");
  return StartedContainer{std::move(live), PidFd(std::move(reply.fds[0]))};
}

void ShimClient::KillContainer(const std::string& container_id) {
  (void)link_->Ask(ShimMessage::kKillContainer, Encode(::davit::KillContainer{container_id}), {},
                   MonotonicMilliseconds(), [](Result<Frame>) {});
}

Result<> ShimClient::ReopenLog(const std::string& container_id, int log, int64_t deadline_ms) {
  int fds[] = {log};
  TRY(link_->Call(ShimMessage::kReopenLog, Encode(::davit::ReopenLog{container_id}), fds, deadline_ms));
  return {};
}

Result<> ShimClient::HandExec(const ExecLaunch& launch, int64_t deadline_ms) {
  return link_->Hand(ShimMessage::kExec, ExecPayload(launch), launch.frame.fds(), deadline_ms);
}

void ShimClient::StartExec(ExecLaunch launch, std::function<void(Result<UniqueFd>)> done) {
  AskFor<UniqueFd>(*link_, ShimMessage::kExec, ExecPayload(launch), launch.frame.fds(), std::move(done),
                   [](Frame reply) -> Result<UniqueFd> {
                     return reply.fds.size() < 2 ? UniqueFd() : std::move(reply.fds[1]);
                   });
}

void ShimClient::Attach(const std::string& container_id, bool input, StartFrame frame,
                        std::function<void(Result<AttachedInput>)> done) {
  AskFor<AttachedInput>(*link_, ShimMessage::kAttach,
                        Encode(AttachRequest{container_id, input, frame.roles()}), frame.fds(),
                        std::move(done), AttachedInputIn);
}

void ShimClient::AskNamespaces(std::function<void(Result<PodNamespaces>)> done) {
  AskState([done](Result<ShimState> state) {
    if (state)
      done(std::move(state->namespaces));
    else
      done(std::unexpected(std::move(state).error()));
  });
}

void ShimClient::CloseInput(const std::string& container_id) {
  // A container that has ended meanwhile needs no end of its input.
  (void)link_->Ask(ShimMessage::kCloseInput, Encode(::davit::CloseInput{container_id}), {}, SendDeadline(),
                   [](Result<Frame>) {});
}

Result<> ShimClient::Shutdown(int64_t deadline_ms) {
  TRY(link_->Call(ShimMessage::kShutdown, "", {}, deadline_ms));
  int64_t left = std::max<int64_t>(0, deadline_ms - MonotonicMilliseconds());
  if (TRY(link_->process().WaitExit(static_cast<int>(left)))) return {};
  return Fail(Code::kDeadlineExceeded, "end shim", "", "it said that it ends and did not");
}

void ShimClient::Kill() {
  (void)link_->process().Signal(SIGKILL);
}

}  // namespace davit
