// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/remote_command.h"

#include "base/time.h"

namespace davit::streaming {
namespace {

// A terminal ends when its session leader does, but not at the same instant.
constexpr int64_t kTerminalGraceMs = 2000;

const StreamSet& StreamsOf(const StreamOrder& order) {
  const auto* exec = std::get_if<ExecOrder>(&order);
  return exec != nullptr ? exec->streams : std::get<AttachOrder>(order).streams;
}

bool CanResize(int version) {
  return version >= 3 || version == 0;
}

}  // namespace

RemoteCommand::RemoteCommand(StreamOrder order, int version, SessionContext context)
    : order_(std::move(order)),
      wanted_(StreamsOf(order_)),
      version_(version),
      context_(std::move(context)),
      deadline_ms_(MonotonicMilliseconds() + context_.creation_timeout_ms),
      in_(
          context_.reactor->loop(), InputPump::AtEnd::kClose, [this] { context_.on_relief(); },
          [this] { OnInputEnd(); }),
      out_(context_.reactor->loop(), context_.link, context_.scratch, [this] { OnOutputEnd(); }),
      err_(context_.reactor->loop(), context_.link, context_.scratch, [this] { OnOutputEnd(); }) {}

bool RemoteCommand::OnChannel(ChannelId channel, const ChannelHeaders& headers) {
  struct Place {
    std::string_view type;
    std::optional<ChannelId>& id;
  };
  for (const Place& place : {Place{"error", error_}, Place{"stdin", stdin_}, Place{"stdout", stdout_},
                             Place{"stderr", stderr_}, Place{"resize", resize_}}) {
    if (place.type != headers.type || place.id.has_value()) continue;
    place.id = channel;
    if (!begun_ && HasAllChannels()) Begin();
    return true;
  }
  return false;
}

bool RemoteCommand::HasAllChannels() const {
  return error_ && (!wanted_.in || stdin_) && (!wanted_.out || stdout_) && (!wanted_.err || stderr_) &&
         (!wanted_.terminal || !CanResize(version_) || resize_);
}

void RemoteCommand::Begin() {
  begun_ = true;
  if (const auto* exec = std::get_if<ExecOrder>(&order_)) {
    return context_.targets.StreamExec(*exec,
                                       OnReactor(context_, weak_from_this(), &RemoteCommand::OnStreams),
                                       OnReactor(context_, weak_from_this(), &RemoteCommand::OnExit));
  }
  // The client may go before it has the streams. It was the container's first one nevertheless.
  const auto& order = std::get<AttachOrder>(order_);
  auto too_late = [&targets = context_.targets, serving = context_.serving,
                   id = order.container_id](const Result<ProcessStreams>& streams) {
    if (*serving && streams && streams->close_input_at_end) targets.CloseContainerInput(id);
  };
  context_.targets.StreamAttach(order, OnReactor<RemoteCommand, Result<ProcessStreams>>(
                                           context_, weak_from_this(), &RemoteCommand::OnStreams, too_late));
}

void RemoteCommand::OnStreams(Result<ProcessStreams> streams) {
  if (done_) {
    close_input_at_end_ = streams && streams->close_input_at_end;
    return CloseContainerInput();
  }
  if (!streams) {
    return End(StreamEnd::Failed(
        (is_attach() ? "error attaching to container: " : "error executing command in container: ") +
        streams.error().ToString()));
  }
  terminal_ = std::move(streams->terminal);
  cut_off_ = std::move(streams->cut_off);
  close_input_at_end_ = streams->close_input_at_end;
  if (terminal_ && size_) SetWindowSize(terminal_.get(), *size_);
  out_.Start(std::move(streams->out), stdout_.value_or(0),
             wanted_.out ? OutputPump::Use::kSend : OutputPump::Use::kDrop);
  err_.Start(std::move(streams->err), stderr_.value_or(0),
             wanted_.err ? OutputPump::Use::kSend : OutputPump::Use::kDrop);
  // It may have ended before we heard that it began.
  if (exit_ && !wanted_.terminal) {
    out_.EndAfterRest();
    err_.EndAfterRest();
  }
  started_ = true;
  in_.Connect(std::move(streams->in));
  MaybeEnd();
}

void RemoteCommand::OnData(ChannelId channel, std::string_view data) {
  if (channel == stdin_) in_.Push(data);
  if (channel != resize_) return;
  auto size = sizes_.Consume(data);
  if (!size) return;
  size_ = size;
  if (terminal_) SetWindowSize(terminal_.get(), *size_);
}

void RemoteCommand::OnEnd(ChannelId channel) {
  if (channel == stdin_) in_.End();
}

void RemoteCommand::OnReset(ChannelId channel) {
  OnEnd(channel);
}

void RemoteCommand::OnRoom() {
  out_.Resume();
  err_.Resume();
}

void RemoteCommand::OnExit(std::optional<int> code) {
  if (done_) return;
  exit_.emplace(code);
  exited_at_ms_ = MonotonicMilliseconds();
  // What a terminal still holds is on its way through the kernel, where it cannot be counted; it ends by
  // itself.
  if (!wanted_.terminal) {
    out_.EndAfterRest();
    err_.EndAfterRest();
  }
  MaybeEnd();
}

void RemoteCommand::OnOutputEnd() {
  MaybeEnd();
}

// What containerd does: a container that has its input closed sees that end and answers it; for all others
// the end of the input means that the client leaves.
void RemoteCommand::OnInputEnd() {
  if (!is_attach() || done_) return;
  if (close_input_at_end_) return CloseContainerInput();
  End(StreamEnd());
}

void RemoteCommand::MaybeEnd() {
  if (!started_ || done_ || !out_.ended() || !err_.ended()) return;
  if (is_attach()) {
    return End(WasCutOff() ? StreamEnd::Failed("the client reads too slowly for the container's output")
                           : StreamEnd());
  }
  if (!exit_) return;
  End(exit_->has_value() ? StreamEnd::Exited(**exit_)
                         : StreamEnd::Failed("the pod's shim died; how the command ended is not known"));
}

bool RemoteCommand::WasCutOff() const {
  uint64_t count = 0;
  return cut_off_ && read(cut_off_.get(), &count, sizeof count) == sizeof count;
}

void RemoteCommand::End(const StreamEnd& end) {
  if (std::exchange(done_, true)) return;
  ChannelLink& link = context_.link;
  for (std::optional<ChannelId> channel : {stdout_, stderr_}) {
    if (channel) link.End(*channel);
  }
  if (error_) {
    if (std::string text = EncodeStreamEnd(end, version_); !text.empty()) link.Send(*error_, text);
    link.End(*error_);
  }
  for (std::optional<ChannelId> channel : {stdin_, resize_}) {
    if (channel) link.End(*channel);
  }
  link.Finish();
  LetGo();
}

void RemoteCommand::OnLost() {
  if (std::exchange(done_, true)) return;
  LetGo();
}

// Once, however the client's session ends.
void RemoteCommand::CloseContainerInput() {
  if (!std::exchange(close_input_at_end_, false)) return;
  context_.targets.CloseContainerInput(std::get<AttachOrder>(order_).container_id);
}

void RemoteCommand::LetGo() {
  CloseContainerInput();
  terminal_.Reset();
  in_.Connect(UniqueFd());
  out_.EndNow();
  err_.EndNow();
}

void RemoteCommand::OnTick(int64_t now_ms) {
  if (!begun_ && !done_ && now_ms > deadline_ms_) {
    return End(StreamEnd::Failed("the client did not open its channels in time"));
  }
  if (exit_ && wanted_.terminal && !done_ && context_.link.has_room() &&
      now_ms > exited_at_ms_ + kTerminalGraceMs) {
    out_.EndNow();
    err_.EndNow();
    MaybeEnd();
  }
}

}  // namespace davit::streaming
