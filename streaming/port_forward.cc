// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/port_forward.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/time.h"

namespace davit::streaming {
namespace {

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  bool valid = error == std::errc() && end == text.data() + text.size() && port > 0;
  return valid ? std::optional(port) : std::nullopt;
}

// Clients that are older than request ids open the error channel first, and the data channel right after it,
// with the next odd number.
std::string RequestId(ChannelId channel, const ChannelHeaders& headers) {
  if (!headers.request_id.empty()) return headers.request_id;
  return std::to_string(headers.type == "data" ? channel - 2 : channel);
}

// The pod's loopback, in the socket's own family.
int ConnectToLoopback(int socket, uint16_t port) {
  int family = 0;
  socklen_t size = sizeof family;
  getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &size);
  if (family == AF_INET) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = in6addr_loopback;
  return connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address);
}

}  // namespace

PortForward::Forward::Forward(PortForward& session, std::string request_id, uint16_t forwarded_port)
    : owner(session),
      loop(session.context_.reactor->loop()),
      id(std::move(request_id)),
      port(forwarded_port),
      opened_ms(MonotonicMilliseconds()),
      in(
          loop, InputPump::AtEnd::kShutdown, [this] { owner.context_.on_relief(); },
          [this] {
            input_ended = true;
            owner.MaybeForget(id);
          }),
      out(loop, session.context_.link, session.context_.scratch, [this] { owner.OnTargetEnd(*this); }) {}

void PortForward::Forward::StopConnecting() {
  if (!connecting) return;
  loop.Remove(connecting.get());
  connecting.Reset();
}

bool PortForward::OnChannel(ChannelId channel, const ChannelHeaders& headers) {
  std::optional<uint16_t> port = ParsePort(headers.port);
  if (!port || (headers.type != "data" && headers.type != "error")) return false;
  std::string id = RequestId(channel, headers);
  std::unique_ptr<Forward>& forward = forwards_[id];
  if (forward == nullptr) forward = std::make_unique<Forward>(*this, id, *port);
  std::optional<ChannelId>& place = headers.type == "data" ? forward->data : forward->error;
  if (place || forward->port != *port) return false;
  place = channel;
  if (forward->has_both()) Begin(*forward);
  return true;
}

PortForward::Forward* PortForward::Find(ChannelId data_channel) {
  for (const auto& [id, forward] : forwards_) {
    if (forward->data == data_channel) return forward.get();
  }
  return nullptr;
}

PortForward::Forward* PortForward::FindIncomplete(ChannelId error_channel) {
  for (const auto& [id, forward] : forwards_) {
    if (forward->error == error_channel && !forward->data) return forward.get();
  }
  return nullptr;
}

void PortForward::OnData(ChannelId channel, std::string_view data) {
  if (Forward* forward = Find(channel)) forward->in.Push(data);
}

void PortForward::OnEnd(ChannelId channel) {
  if (Forward* forward = Find(channel)) forward->in.End();
}

void PortForward::OnReset(ChannelId channel) {
  Forward* forward = Find(channel);
  // Clients reset an error channel that they have read to its end; before its connection has begun, though,
  // such forwards would only pile up.
  if (forward == nullptr) forward = FindIncomplete(channel);
  if (forward != nullptr) Forget(forward->id);
}

void PortForward::OnRoom() {
  // One may end and be forgotten here.
  std::vector<std::string> ids;
  for (const auto& [id, forward] : forwards_) ids.push_back(id);
  for (const std::string& id : ids) {
    if (auto it = forwards_.find(id); it != forwards_.end()) it->second->out.Resume();
  }
}

bool PortForward::congested() const {
  return std::ranges::any_of(forwards_, [](const auto& entry) { return entry.second->in.congested(); });
}

void PortForward::OnTick(int64_t now_ms) {
  std::vector<std::string> late;
  for (const auto& [id, forward] : forwards_) {
    if (!forward->has_both() && now_ms > forward->opened_ms + context_.creation_timeout_ms)
      late.push_back(id);
  }
  for (const std::string& id : late) Fail(id, "the client did not open both channels in time");
}

void PortForward::Begin(Forward& forward) {
  auto on_opened = OnReactor(context_, weak_from_this(), &PortForward::OnSockets);
  context_.targets.OpenSockets(
      order_.sandbox_id, [on_opened, id = forward.id](Result<std::vector<UniqueFd>> sockets) {
        on_opened({id, std::make_shared<Result<std::vector<UniqueFd>>>(std::move(sockets))});
      });
}

void PortForward::OnSockets(Opened opened) {
  auto it = forwards_.find(opened.first);
  // A client may reset a forward and use its id again: then a second answer comes for the id.
  if (it == forwards_.end() || std::exchange(it->second->opened, true)) return;
  Result<std::vector<UniqueFd>>& sockets = *opened.second;
  if (!sockets) return Fail(opened.first, sockets.error().ToString());
  it->second->sockets = std::move(*sockets);
  ConnectNext(*it->second);
}

// One after the other: a program may listen on one family only.
void PortForward::ConnectNext(Forward& forward) {
  while (!forward.sockets.empty()) {
    forward.connecting = std::move(forward.sockets.front());
    forward.sockets.erase(forward.sockets.begin());
    int socket = forward.connecting.get();
    if (ConnectToLoopback(socket, forward.port) == 0 || errno == EINPROGRESS) {
      // Writable when it is connected, or not.
      if (forward.loop.Add(socket, EPOLLOUT, [this, &forward](uint32_t) { OnConnected(forward); })) return;
    }
    if (forward.last_failure.empty()) forward.last_failure = ErrnoText(errno);
    forward.connecting.Reset();
  }
  Fail(forward.id,
       "connect to port " + std::to_string(forward.port) + " of the pod's loopback: " + forward.last_failure);
}

void PortForward::OnConnected(Forward& forward) {
  forward.loop.Remove(forward.connecting.get());
  UniqueFd socket = std::move(forward.connecting);
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    if (forward.last_failure.empty()) forward.last_failure = ErrnoText(error);
    return ConnectNext(forward);
  }
  forward.sockets.clear();
  // The loop watches a descriptor once, and both directions are watched.
  UniqueFd readable(fcntl(socket.get(), F_DUPFD_CLOEXEC, 0));
  if (!readable) return Fail(forward.id, "no descriptor is left");
  forward.out.Start(std::move(readable), *forward.data);
  forward.in.Connect(std::move(socket));
}

// The client waits for the end of the error channel as well before it lets go of the connection.
void PortForward::OnTargetEnd(Forward& forward) {
  context_.link.End(*forward.data);
  context_.link.End(*forward.error);
  if (finish_ == Finish::kWhenAllEnded) forward.input_ended = true;  // these clients cannot say it
  MaybeForget(forward.id);
}

void PortForward::MaybeForget(const std::string& id) {
  auto it = forwards_.find(id);
  if (it != forwards_.end() && it->second->input_ended && it->second->out.ended()) Forget(id);
}

void PortForward::Fail(const std::string& id, const std::string& why) {
  auto it = forwards_.find(id);
  if (it == forwards_.end()) return;
  Forward& forward = *it->second;
  if (forward.error) {
    context_.link.Send(*forward.error, "error forwarding port " + std::to_string(forward.port) + ": " + why);
    context_.link.End(*forward.error);
  }
  if (forward.data) context_.link.Reset(*forward.data);
  Forget(id);
}

// Not at once: one of the forward's own pumps may be calling.
void PortForward::Forget(const std::string& id) {
  auto node = forwards_.extract(id);
  if (node.empty()) return;
  std::shared_ptr<Forward> going = std::move(node.mapped());
  going->StopConnecting();
  if (going->in.congested()) context_.on_relief();
  context_.reactor->Post([going] {});
  if (finish_ == Finish::kWhenAllEnded && forwards_.empty()) context_.link.Finish();
}

}  // namespace davit::streaming
