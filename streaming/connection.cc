// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/connection.h"

#include "base/guarded.h"
#include "base/time.h"
#include "streaming/port_forward.h"
#include "streaming/remote_command.h"
#include "streaming/spdy_link.h"
#include "streaming/tunnel_link.h"
#include "streaming/websocket_link.h"

namespace davit::streaming {
namespace {

// How long a client may take to read what it was sent last.
constexpr int64_t kFarewellMs = 10'000;

// "/exec/TOKEN".
struct StreamPath {
  std::string_view kind;
  std::string token;
};

std::optional<StreamPath> ParsePath(std::string_view target) {
  target = target.substr(0, target.find('?'));
  size_t slash = target.rfind('/');
  if (!target.starts_with('/') || slash == 0 || slash == std::string_view::npos) return std::nullopt;
  return StreamPath{target.substr(1, slash - 1), std::string(target.substr(slash + 1))};
}

std::unique_ptr<ChannelLink> MakeLink(const Handshake& handshake, ByteSink& sink) {
  switch (handshake.framing) {
    case Framing::kSpdy:
      return std::make_unique<SpdyLink>(sink);
    case Framing::kSpdyInWebSocket:
      return std::make_unique<TunnelLink>(sink);
    case Framing::kWebSocket:
      return std::make_unique<WebSocketLink>(sink, MessageCoding::kBinary, handshake.version >= 5);
    case Framing::kWebSocketBase64:
      return std::make_unique<WebSocketLink>(sink, MessageCoding::kBase64, handshake.version >= 5);
  }
  return nullptr;
}

// "exec of 1234", for the log.
std::string Describe(const StreamOrder& order) {
  const auto* exec = std::get_if<ExecOrder>(&order);
  const auto* attach = std::get_if<AttachOrder>(&order);
  const std::string& id = exec != nullptr     ? exec->container_id
                          : attach != nullptr ? attach->container_id
                                              : std::get<ForwardOrder>(order).sandbox_id;
  return OrderName(order) + (" of " + id);
}

// The channels of exec and attach, in the order of their numbers; what was not asked for has no type.
std::vector<ChannelHeaders> CommandChannels(const StreamSet& wanted) {
  return {{wanted.in ? "stdin" : "", "", ""},
          {wanted.out ? "stdout" : "", "", ""},
          {wanted.err ? "stderr" : "", "", ""},
          {"error", "", ""},
          {"resize", "", ""}};
}

// Two for each port.
std::vector<ChannelHeaders> ForwardChannels(const std::vector<uint16_t>& ports) {
  std::vector<ChannelHeaders> channels;
  for (size_t i = 0; i < ports.size(); ++i) {
    channels.push_back({"data", std::to_string(ports[i]), std::to_string(i)});
    channels.push_back({"error", std::to_string(ports[i]), std::to_string(i)});
  }
  return channels;
}

}  // namespace

Connection::Connection(ConnectionSetting& setting, std::unique_ptr<Transport> transport,
                       ConnectionOwner& owner, uint64_t number)
    : setting_(setting),
      owner_(owner),
      number_(number),
      wire_(setting.reactor->loop(), setting.buffers, std::move(transport), *this),
      opened_ms_(MonotonicMilliseconds()) {}

Connection::~Connection() = default;

void Connection::OnBytes(std::span<char> bytes) {
  if (closed_) return;
  CloseOnException([&] {
    if (link_ != nullptr)
      Feed(bytes);
    else
      TakeHead(bytes);
  });
}

template <typename Step>
void Connection::CloseOnException(Step step) {
  try {
    step();
  } catch (...) {
    OnException(CurrentException("serve", description_.empty() ? "a client's request" : description_));
  }
}

void Connection::OnException(const Error& error) {
  setting_.log.Log(LogLevel::kError, "stream ended by an exception", {{"error", error.ToString()}});
  Close();
}

void Connection::TakeHead(std::span<char> bytes) {
  head_.append(bytes.data(), bytes.size());
  if (!MayCompleteHead(head_, bytes.size())) return;
  Result<std::optional<ParsedRequest>> parsed = ParseHttpRequest(head_);
  if (parsed && !*parsed) return;
  std::expected<void, std::string> upgraded =
      parsed ? Upgrade((*parsed)->request) : std::unexpected(HttpRefusal(400, parsed.error().ToString()));
  if (!upgraded) {
    wire_.Write(upgraded.error(), {});
    return wire_.Finish();
  }
  std::string rest = head_.substr((*parsed)->head_bytes);
  head_ = {};
  Feed(rest);
}

// A token is spent by the first request that shows it while there is room, whatever becomes of that.
std::expected<void, std::string> Connection::Upgrade(const HttpRequest& request) {
  if (!owner_.HasRoomForStream()) {
    return std::unexpected(HttpRefusal(503, "there are too many streams; try again later"));
  }
  std::optional<StreamPath> path = ParsePath(request.target);
  std::optional<StreamOrder> order = path ? setting_.tokens.Redeem(path->token) : std::nullopt;
  if (!order || path->kind != OrderName(*order)) {
    return std::unexpected(HttpRefusal(404, "there is no such stream, or no more"));
  }
  owner_.OnAuthenticated(number_);
  if (request.method != "GET" && request.method != "POST") {
    return std::unexpected(HttpRefusal(405, "streams begin with GET or POST", {{"Allow", "GET, POST"}}));
  }
  std::expected<Handshake, std::string> handshake = Negotiate(request, *order);
  if (!handshake) return std::unexpected(std::move(handshake).error());
  description_ = Describe(*order);
  wire_.Write(handshake->response, {});
  BeginSession(*handshake, std::move(*order));
  return {};
}

void Connection::BeginSession(const Handshake& handshake, StreamOrder order) {
  link_ = MakeLink(handshake, wire_);
  if (auto* forward = std::get_if<ForwardOrder>(&order))
    BeginPortForward(handshake, std::move(*forward));
  else
    BeginRemoteCommand(handshake, std::move(order));
}

SessionContext Connection::Context() {
  return {setting_.reactor,
          setting_.targets,
          *link_,
          {setting_.buffers.process.get(), StreamBuffers::kBytes},
          setting_.creation_timeout_ms,
          [this] { wire_.SetReading(!session_->congested()); },
          [this](const Error& error) { OnException(error); },
          setting_.serving};
}

void Connection::BeginRemoteCommand(const Handshake& handshake, StreamOrder order) {
  const auto* exec = std::get_if<ExecOrder>(&order);
  StreamSet wanted = exec != nullptr ? exec->streams : std::get<AttachOrder>(order).streams;
  session_ = std::make_shared<RemoteCommand>(std::move(order), handshake.version, Context());
  link_->Serve(*session_);
  auto* socket = dynamic_cast<WebSocketLink*>(link_.get());
  if (socket == nullptr) return;
  // Tells the client that it is connected, on the lowest channel that it listens to.
  socket->Send(wanted.out ? 1 : wanted.err ? 2 : 3, {});
  socket->OpenChannels(CommandChannels(wanted));
}

void Connection::BeginPortForward(const Handshake& handshake, ForwardOrder order) {
  std::vector<uint16_t> ports = order.ports;
  bool fixed = handshake.framing == Framing::kWebSocket || handshake.framing == Framing::kWebSocketBase64;
  session_ = std::make_shared<PortForward>(
      std::move(order), fixed ? PortForward::Finish::kWhenAllEnded : PortForward::Finish::kNever, Context());
  link_->Serve(*session_);
  if (!fixed) return;
  // Each channel begins with its port's number, little-endian.
  for (ChannelId channel = 0; channel < 2 * ports.size(); ++channel) {
    uint16_t port = ports[channel / 2];
    link_->Send(channel, std::string{static_cast<char>(port), static_cast<char>(port >> 8)});
  }
  static_cast<WebSocketLink&>(*link_).OpenChannels(ForwardChannels(ports));
}

void Connection::Feed(std::span<char> bytes) {
  Result<> consumed = link_->Consume(bytes);
  if (!consumed) {
    setting_.log.Log(LogLevel::kWarning, "stream ended by a malformed message",
                     {{"stream", description_}, {"error", consumed.error().ToString()}});
    return Close();
  }
  wire_.SetReading(!session_->congested());
}

void Connection::OnRoom() {
  if (session_ != nullptr) CloseOnException([this] { session_->OnRoom(); });
}

void Connection::OnLost() {
  Close();
}

void Connection::Close() {
  if (std::exchange(closed_, true)) return;
  if (session_ != nullptr) session_->OnLost();
  owner_.OnClosed(number_);
}

void Connection::OnTick(int64_t now_ms) {
  CloseOnException([this, now_ms] { Tick(now_ms); });
}

void Connection::Tick(int64_t now_ms) {
  if (session_ != nullptr && !closed_) session_->OnTick(now_ms);
  int64_t silent_ms = now_ms - wire_.last_activity_ms();
  bool slow_to_ask = session_ == nullptr && now_ms - opened_ms_ > setting_.request_timeout_ms;
  bool slow_to_leave = wire_.finishing() && silent_ms > kFarewellMs;
  if (slow_to_ask || slow_to_leave || silent_ms > setting_.idle_timeout_ms) Close();
}

}  // namespace davit::streaming
