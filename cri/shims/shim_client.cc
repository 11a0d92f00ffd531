// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/shim_client.h"

#include <algorithm>
#include <utility>

#include "base/codec.h"
#include "base/time.h"

namespace davit::cri {
namespace {

// A request that waits for nothing else: only a shim that does not read its socket delays it.
constexpr int64_t kSendPatienceMs = 1'000;
// Of 64 threads that hand commands to all shims (cri/service/async_calls.h).
constexpr size_t kMostCommandsThatWait = 4;
// Of two threads that start streams (cri/runtime/execs.h).
constexpr size_t kMostStreamsThatWait = 1;

int64_t SendDeadline() {
  return MonotonicMilliseconds() + kSendPatienceMs;
}

ShimLink::Patience StreamPatience() {
  return {.deadline_ms = SendDeadline(), .most_waiting = kMostStreamsThatWait};
}

AttachedInput InputIn(Frame& reply) {
  return {reply.fds.Take(shim::FdRole::kTerminal), reply.fds.Take(shim::FdRole::kInput)};
}

Result<PodNamespaces> NamespacesIn(Frame reply, const shim::SandboxPlan& plan) {
  PodNamespaces namespaces;
  if (plan.own_network)
    namespaces.network =
        TRY(reply.fds.Require(shim::FdRole::kNetNamespace, "start sandbox", plan.sandbox_id));
  if (!plan.ids.empty())
    namespaces.user = TRY(reply.fds.Require(shim::FdRole::kUserNamespace, "start sandbox", plan.sandbox_id));
  return namespaces;
}

Error TooOld(const char* what, const std::string& id) {
  return {Code::kUnimplemented, 0, what, id,
          "its pod was made by an earlier release of davitd, whose part of it cannot do that"};
}

// `done` gets what `read` makes of the answer, or why there is none.
template <typename T, typename Read>
void AskFor(ShimLink& link, shim::ShimMessage type, const std::string& payload, std::span<const RoleFd> fds,
            std::function<void(Result<T>)> done, Read read) {
  auto on_reply = [done, read](Result<Frame> reply) {
    if (reply)
      done(read(std::move(*reply)));
    else
      done(std::unexpected(std::move(reply).error()));
  };
  if (Result<> sent = link.Ask(type, payload, fds, StreamPatience(), on_reply); !sent)
    done(std::unexpected(std::move(sent).error()));
}

// `version` is the shim's.
Result<std::string> ExecPayload(const ExecLaunch& launch, uint32_t version) {
  shim::ExecRequest request{launch.container_id, launch.exec_id, launch.plan};
  if (launch.session && version >= shim::kKnowsSessions)
    request.session = shim::ClientSession{launch.session->terminal.value_or(shim::WindowSize())};
  else if (launch.session && launch.session->terminal)
    return std::unexpected(TooOld("a terminal in container", launch.container_id));
  return Encode(request);
}

}  // namespace

std::shared_ptr<ShimClient> ShimClient::Open(Reactor& reactor, const std::string& sandbox_id, UniqueFd socket,
                                             PidFd process, ShimLink::Connect connect, ShimEvents events,
                                             First first) {
  std::shared_ptr<ShimClient> client(new ShimClient);
  client->session_ = std::make_shared<ShimSession>(sandbox_id, std::move(events));
  client->link_ = ShimLink::Open(reactor, sandbox_id, std::move(socket), std::move(process),
                                 std::move(connect), client->session_->EventsForLink(), first);
  return client;
}

Result<PodNamespaces> ShimClient::StartSandbox(const shim::SandboxPlan& plan, int64_t deadline_ms) {
  std::string payload = Encode(shim::StartSandbox{shim::kOwnVersions, Encode(plan)});
  Frame reply = TRY(link_->Call(shim::ShimMessage::kStartSandbox, payload, {}, deadline_ms));
  TRY(session_->TakeVersions(TRY(Decode<shim::SandboxStarted>(reply.payload, "SandboxStarted")).shim));
  return NamespacesIn(std::move(reply), plan);
}

Result<StartedContainer> ShimClient::StartContainer(ContainerLaunch launch, int64_t deadline_ms) {
  TRY(session_->CheckVersions());
  if (session_->version() < shim::kKnowsCgroupParentOom) launch.frame.Omit(shim::FdRole::kCgroupParentOom);
  if (launch.attachment && session_->version() < shim::kKnowsSessions)
    return std::unexpected(TooOld("attach to the start of container", launch.container_id));
  std::string payload = Encode(shim::StartContainer{launch.container_id, launch.timeout_ms,
                                                    std::move(launch.plan), launch.attachment});
  Frame reply =
      TRY(link_->Call(shim::ShimMessage::kStartContainer, payload, launch.frame.fds(), deadline_ms));
  auto live = TRY(Decode<shim::ContainerStarted>(reply.payload, "ContainerStarted"));
  UniqueFd init = TRY(reply.fds.Require(shim::FdRole::kProcess, "start container", launch.container_id));
  return StartedContainer{std::move(live), PidFd(std::move(init)), InputIn(reply)};
}

void ShimClient::KillContainer(const std::string& container_id) {
  (void)link_->Ask(shim::ShimMessage::kKillContainer, Encode(shim::KillContainer{container_id}), {},
                   {.deadline_ms = MonotonicMilliseconds()}, [](Result<Frame>) {});
}

Result<> ShimClient::ReopenLog(const std::string& container_id, int log, int64_t deadline_ms) {
  TRY(session_->CheckVersions());
  RoleFd fds[] = {{shim::FdRole::kLog, log}};
  TRY(link_->Call(shim::ShimMessage::kReopenLog, Encode(shim::ReopenLog{container_id}), fds, deadline_ms));
  return {};
}

Result<> ShimClient::HandExec(const ExecLaunch& launch, int64_t deadline_ms) {
  TRY(session_->CheckVersions());
  int64_t give_up_ms = std::min(deadline_ms, SendDeadline());
  std::string payload = TRY(ExecPayload(launch, session_->version()));
  Result<> handed = link_->Hand(shim::ShimMessage::kExec, payload, launch.frame.fds(),
                                {.deadline_ms = give_up_ms, .most_waiting = kMostCommandsThatWait});
  // The kubelet takes kDeadlineExceeded for a command that was too slow, and may restart the container.
  if (!handed && handed.error().code == Code::kDeadlineExceeded && give_up_ms < deadline_ms)
    handed.error().code = Code::kUnavailable;
  return handed;
}

void ShimClient::StartExec(ExecLaunch launch, std::function<void(Result<UniqueFd>)> done) {
  if (Result<> checked = session_->CheckVersions(); !checked) return done(std::unexpected(checked.error()));
  Result<std::string> payload = ExecPayload(launch, session_->version());
  if (!payload) return done(std::unexpected(std::move(payload).error()));
  AskFor<UniqueFd>(*link_, shim::ShimMessage::kExec, *payload, launch.frame.fds(), std::move(done),
                   [](Frame reply) -> Result<UniqueFd> { return reply.fds.Take(shim::FdRole::kTerminal); });
}

void ShimClient::Attach(const std::string& container_id, AttachWish wish, StartFrame frame,
                        std::function<void(Result<AttachedInput>)> done) {
  if (Result<> checked = session_->CheckVersions(); !checked) return done(std::unexpected(checked.error()));
  std::optional<bool> patient = wish.patient ? std::optional(true) : std::nullopt;
  AskFor<AttachedInput>(*link_, shim::ShimMessage::kAttach,
                        Encode(shim::AttachRequest{container_id, wish.input, patient}), frame.fds(),
                        std::move(done), [](Frame reply) -> Result<AttachedInput> { return InputIn(reply); });
}

void ShimClient::AskNamespaces(std::function<void(Result<PodNamespaces>)> done) {
  session_->AskState(*link_, [done](Result<HelloSummary> summary) {
    if (summary)
      done(std::move(summary->state.namespaces));
    else
      done(std::unexpected(std::move(summary).error()));
  });
}

void ShimClient::CloseInput(const std::string& container_id) {
  // A container that has ended meanwhile needs no end of its input.
  (void)link_->Ask(shim::ShimMessage::kCloseInput, Encode(shim::CloseInput{container_id}), {},
                   {.deadline_ms = SendDeadline()}, [](Result<Frame>) {});
}

Result<> ShimClient::Shutdown(int64_t deadline_ms) {
  TRY(link_->Call(shim::ShimMessage::kShutdown, "", {}, deadline_ms));
  int64_t left = std::max<int64_t>(0, deadline_ms - MonotonicMilliseconds());
  if (TRY(link_->process().WaitExit(static_cast<int>(left)))) return {};
  return Fail(Code::kDeadlineExceeded, "end shim", "", "it said that it ends and did not");
}

void ShimClient::Kill() {
  (void)link_->process().Signal(SIGKILL);
}

}  // namespace davit::cri
