// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stdexcept>

#include "base/base64.h"
#include "base/file_io.h"
#include "base/time.h"
#include "streaming/big_endian.h"
#include "streaming/spdy_frames.h"
#include "streaming/testing/client_frames.h"

namespace davit::streaming {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kPatienceMs = 20'000;
const char kSuccess[] = R"({"status":"Success"})";

std::pair<UniqueFd, UniqueFd> Pipe() {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

bool Await(int fd, short events) {
  pollfd poll_fd{fd, events, 0};
  return poll(&poll_fd, 1, kPatienceMs) == 1;
}

// What is there after a wait; "" at the end.
std::string ReadSome(int fd) {
  char buffer[64 << 10];
  if (!Await(fd, POLLIN)) return "<nothing came>";
  ssize_t n = read(fd, buffer, sizeof buffer);
  return {buffer, static_cast<size_t>(std::max<ssize_t>(n, 0))};
}

bool HasEnded(int fd) {
  return ReadSome(fd).empty();
}

// A process whose ends of the pipes the test holds.
class FakeTargets final : public StreamTargets {
 public:
  void StreamExec(const ExecOrder& order, OnStreams on_streams, OnExit on_exit) override {
    Give(order.streams, on_streams);
    std::lock_guard lock(mutex_);
    on_exit_ = std::move(on_exit);
    started_ = true;
    changed_.notify_all();
  }
  void StreamAttach(const AttachOrder& order, OnStreams on_streams) override {
    std::lock_guard lock(mutex_);
    if (attach_throws) throw std::runtime_error("thrown by a test");
    if (hold_attach)
      attach_ = [this, order, on_streams] { Give(order.streams, on_streams); };
    else
      Give(order.streams, on_streams);
    started_ = true;
    changed_.notify_all();
  }
  void CloseContainerInput(const std::string&) override {
    std::lock_guard lock(mutex_);
    input_closed = true;
    changed_.notify_all();
  }
  void OpenSockets(const std::string&, OnSockets on_sockets) override {
    std::vector<UniqueFd> sockets;
    sockets.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    on_sockets(std::move(sockets));
  }

  bool AwaitStart() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs), [this] { return started_; });
  }
  bool AwaitInputClosed() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(kPatienceMs), [this] { return input_closed; });
  }
  void Exit(int code) { on_exit_(code); }
  void FinishAttach() { attach_(); }

  UniqueFd in;   // to read from
  UniqueFd out;  // to write to
  UniqueFd err;
  UniqueFd cut_off;
  bool close_input_at_end = false;
  bool input_closed = false;
  bool hold_attach = false;  // until FinishAttach
  bool attach_throws = false;

 private:
  void Give(const StreamSet& wanted, const OnStreams& on_streams) {
    ProcessStreams streams;
    if (wanted.in) std::tie(in, streams.in) = Pipe();
    if (wanted.out) std::tie(streams.out, out) = Pipe();
    if (wanted.err) std::tie(streams.err, err) = Pipe();
    streams.cut_off.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    cut_off.Reset(fcntl(streams.cut_off.get(), F_DUPFD_CLOEXEC, 0));
    streams.close_input_at_end = close_input_at_end;
    on_streams(std::move(streams));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool started_ = false;
  OnExit on_exit_;
  std::function<void()> attach_;
};

// A client's blocking socket.
class Client {
 public:
  explicit Client(const std::string& url) {
    size_t host = url.find("//") + 2;
    size_t port = url.find(':', host) + 1;
    path_ = url.substr(url.find('/', port));
    socket_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(url.substr(port))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    timeval patience{kPatienceMs / 1000, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  void Send(const std::string& bytes) {
    EXPECT_EQ(send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  // False when the server does not take all of it in time.
  bool SendWithin(const std::string& bytes, int seconds) {
    timeval patience{seconds, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // The head of the answer.
  std::string Ask(const std::string& method, const std::string& headers) {
    Send(method + " " + path_ + " HTTP/1.1\r\nHost: test\r\n" + headers + "\r\n");
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      std::string byte = Read(1);
      if (byte.empty()) break;
      head += byte;
    }
    return head;
  }
  std::string AskWebSocket(const std::string& protocol) {
    return Ask("GET",
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " +
                   protocol + "\r\n");
  }
  std::string AskSpdy(const std::string& protocol) {
    return Ask("POST",
               "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: " + protocol + "\r\n");
  }

  // Exactly so many bytes, fewer at the end of the connection.
  std::string Read(size_t size) {
    std::string bytes(size, '\0');
    size_t have = 0;
    while (have < size) {
      ssize_t n = recv(socket_.get(), bytes.data() + have, size - have, 0);
      if (n <= 0) break;
      have += static_cast<size_t>(n);
    }
    bytes.resize(have);
    return bytes;
  }
  // The next WebSocket message; "" when the server closes.
  std::string ReadMessage() {
    std::string header = Read(2);
    if (header.size() < 2 || (header[0] & 0x0f) == 8) return "";
    size_t size = header[1] & 0x7f;
    if (size == 126) size = ReadBig(Read(2));
    if (size == 127) size = ReadBig(Read(8));
    return Read(size);
  }
  // All messages of one channel until the server closes.
  std::map<char, std::string> ReadMessages() {
    std::map<char, std::string> channels;
    for (std::string message = ReadMessage(); !message.empty(); message = ReadMessage()) {
      channels[message[0]] += message.substr(1);
    }
    return channels;
  }
  struct SpdyFrame {
    int type = 0;  // 0: data
    uint32_t stream = 0;
    bool fin = false;
    std::string payload;
  };
  SpdyFrame ReadSpdy() {
    std::string header = Read(8);
    if (header.size() < 8) return {-1, 0, false, ""};
    auto first = static_cast<uint32_t>(ReadBig(header.substr(0, 4)));
    auto second = static_cast<uint32_t>(ReadBig(header.substr(4)));
    SpdyFrame frame{0, first, (second >> 24 & 1) != 0, Read(second & 0xffffff)};
    if ((first >> 31) != 0) {
      frame.type = static_cast<int>(first & 0xffff);
      frame.stream = static_cast<uint32_t>(ReadBig(frame.payload.substr(0, 4)));
    }
    return frame;
  }
  // The data of every stream until the server says goodbye.
  std::map<uint32_t, std::string> ReadStreams() {
    constexpr int kGoAway = 7;
    std::map<uint32_t, std::string> streams;
    for (SpdyFrame frame = ReadSpdy(); frame.type >= 0 && frame.type != kGoAway; frame = ReadSpdy()) {
      if (frame.type == 0) streams[frame.stream] += frame.payload;
    }
    return streams;
  }
  // Whether the server hangs up, which is not the same as saying nothing for a while.
  bool IsLeft() {
    char byte;
    return recv(socket_.get(), &byte, 1, 0) == 0;
  }
  void Close() { socket_.Reset(); }

 private:
  std::string path_;
  UniqueFd socket_;
};

class StreamServerTest : public ::testing::Test {
 protected:
  StreamServerTest() {
    signal(SIGPIPE, SIG_IGN);
    Start({});
  }

  void Start(const StreamServerOptions& options) {
    auto started = StreamServer::Start(options, targets_, log_);
    ASSERT_TRUE(started) << started.error().ToString();
    server_ = std::move(*started);
  }
  Client Connect(StreamOrder order) { return Client(*server_->Issue(std::move(order))); }
  static ExecOrder Exec(StreamSet streams) { return {"container", {"command"}, streams}; }
  // An exec with all three streams, begun by a WebSocket client.
  Client BeginExec() {
    Client client = Connect(Exec({true, true, true, false}));
    EXPECT_THAT(client.AskWebSocket("v5.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
    EXPECT_EQ(client.ReadMessage(), "\1") << "the greeting";
    EXPECT_TRUE(targets_.AwaitStart());
    return client;
  }
  void WriteOut(const std::string& text) {
    EXPECT_EQ(write(targets_.out.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void EndProcess(int code) {
    targets_.out.Reset();
    targets_.err.Reset();
    targets_.Exit(code);
  }

  Logger log_{STDERR_FILENO, LogLevel::kError};
  FakeTargets targets_;
  std::unique_ptr<StreamServer> server_;
};

TEST_F(StreamServerTest, ExecOverWebSocketCarriesEveryStreamAndTheExitCode) {
  Client client = BeginExec();
  client.Send(WebSocketClientFrame(2, std::string("\0input", 6)));
  EXPECT_EQ(ReadSome(targets_.in.get()), "input");
  client.Send(WebSocketClientFrame(2, std::string("\xff\0", 2)));
  EXPECT_TRUE(HasEnded(targets_.in.get()));
  WriteOut("output");
  ASSERT_EQ(write(targets_.err.get(), "error", 5), 5);
  EndProcess(3);
  std::map<char, std::string> channels = client.ReadMessages();
  EXPECT_EQ(channels[1], "output");
  EXPECT_EQ(channels[2], "error");
  EXPECT_THAT(channels[3], HasSubstr(R"("message":"3","reason":"ExitCode")"));
}

TEST_F(StreamServerTest, Base64IsDecodedAndEncoded) {
  Client client = Connect(Exec({true, true, false, false}));
  EXPECT_THAT(client.AskWebSocket("base64.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  ASSERT_TRUE(targets_.AwaitStart());
  client.Send(WebSocketClientFrame(1, "0" + EncodeBase64("any input"), /*final=*/true));
  EXPECT_EQ(ReadSome(targets_.in.get()), "any input");
  WriteOut("output");
  EndProcess(0);
  EXPECT_EQ(client.ReadMessages()['1'], EncodeBase64("output"));
}

TEST_F(StreamServerTest, ExecOverSpdyCarriesEveryStreamAndTheExitCode) {
  Client client = Connect(Exec({true, true, false, false}));
  EXPECT_THAT(client.AskSpdy("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  client.Send(frames.Open(1, {{"streamtype", "error"}}));
  client.Send(frames.Open(3, {{"streamtype", "stdin"}}));
  client.Send(frames.Open(5, {{"streamtype", "stdout"}}) + frames.Ping(1));
  ASSERT_TRUE(targets_.AwaitStart());
  client.Send(frames.Data(3, "input", /*fin=*/true));
  EXPECT_EQ(ReadSome(targets_.in.get()), "input");
  EXPECT_TRUE(HasEnded(targets_.in.get()));
  WriteOut("output");
  EndProcess(0);
  constexpr int kReply = 2;
  constexpr int kPing = 6;
  for (uint32_t stream : {1u, 3u, 5u}) {
    Client::SpdyFrame reply = client.ReadSpdy();
    EXPECT_EQ(reply.type, kReply);
    EXPECT_EQ(reply.stream, stream);
  }
  EXPECT_EQ(client.ReadSpdy().type, kPing);
  std::map<uint32_t, std::string> streams = client.ReadStreams();
  EXPECT_EQ(streams[5], "output");
  EXPECT_EQ(streams[1], kSuccess);
}

TEST_F(StreamServerTest, AWrongAUsedAndAMisplacedTokenAreNotFound) {
  std::string url = *server_->Issue(Exec({false, true, false, false}));
  EXPECT_THAT(Client(url + "0").AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Client(url).AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(Client(url).AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 404 "));
  std::string other = *server_->Issue(Exec({false, true, false, false}));
  other.replace(other.find("exec"), 4, "attach");
  EXPECT_THAT(Client(other).AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Client(url).Ask("BREW", "\x01\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(StreamServerTest, AClientThatIsGoneEndsTheStreamsOfItsProcess) {
  Client client = BeginExec();
  client.Close();
  EXPECT_TRUE(HasEnded(targets_.in.get()));
  EXPECT_TRUE(Await(targets_.out.get(), 0)) << "nobody reads the output any more: POLLERR";
  EXPECT_EQ(write(targets_.out.get(), "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
}

TEST_F(StreamServerTest, WhatAGrandchildWritesAfterTheCommandsEndHoldsNobody) {
  Client client = BeginExec();
  WriteOut("output");
  targets_.err.Reset();
  targets_.Exit(0);  // and out stays open
  std::map<char, std::string> channels = client.ReadMessages();
  EXPECT_EQ(channels[1], "output");
  EXPECT_EQ(channels[3], kSuccess);
}

TEST_F(StreamServerTest, ASlowClientMakesTheProcessWaitAndLosesNothing) {
  Client client = BeginExec();
  const std::string chunk(64 << 10, 'x');
  size_t written = 0;
  // Until the pipe, the server and both sockets are full; a server without bounds would never be.
  constexpr size_t kFarTooMuch = 256 << 20;
  pollfd out{targets_.out.get(), POLLOUT, 0};
  while (written < kFarTooMuch && poll(&out, 1, 1000) == 1) {
    ssize_t n = write(targets_.out.get(), chunk.data(), chunk.size());
    if (n > 0) written += static_cast<size_t>(n);
  }
  EXPECT_LT(written, kFarTooMuch);
  EndProcess(0);
  EXPECT_EQ(client.ReadMessages()[1].size(), written);
}

TEST_F(StreamServerTest, InputThatNobodyReadsMakesTheClientWait) {
  Client client = BeginExec();
  std::string message = WebSocketClientFrame(2, std::string(1 << 20, '\0'));
  size_t sent = 0;
  constexpr size_t kFarTooMuch = 256 << 20;
  while (sent < kFarTooMuch && client.SendWithin(message, 1)) sent += message.size();
  EXPECT_LT(sent, kFarTooMuch);
}

TEST_F(StreamServerTest, AMalformedMessageEndsThatClientOnly) {
  Client good = BeginExec();
  Client bad = Connect(Exec({false, true, false, false}));
  EXPECT_THAT(bad.AskSpdy("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  bad.Send(SpdyClientFrames::Control(1, std::string(100, 'x')));
  EXPECT_EQ(bad.Read(1), "");
  EndProcess(0);
  EXPECT_EQ(good.ReadMessages()[3], kSuccess);
}

TEST_F(StreamServerTest, AClientThatNeverOpensItsChannelsIsLeft) {
  Start({.creation_timeout_ms = 100});
  Client silent = Connect(Exec({false, true, false, false}));
  EXPECT_TRUE(silent.IsLeft());
  Client half = Connect(Exec({false, true, false, false}));
  EXPECT_THAT(half.AskSpdy("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  half.Send(frames.Open(1, {{"streamtype", "error"}}));
  EXPECT_THAT(half.ReadStreams()[1], HasSubstr("did not open its channels in time"));
}

TEST_F(StreamServerTest, AnIdleStreamIsEnded) {
  Start({.idle_timeout_ms = 100});
  Client client = BeginExec();
  EXPECT_EQ(client.Read(1), "");
  EXPECT_TRUE(HasEnded(targets_.in.get()));
}

TEST_F(StreamServerTest, AnAttachEndsWithTheClientsInputUnlessTheContainerIsToSeeThatEnd) {
  AttachOrder order{"container", {true, true, false, false}};
  Client leaving = Connect(order);
  EXPECT_THAT(leaving.AskWebSocket("v5.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  ASSERT_TRUE(targets_.AwaitStart());
  leaving.Send(WebSocketClientFrame(2, std::string("\xff\0", 2)));
  EXPECT_EQ(leaving.ReadMessages()[3], kSuccess);
  EXPECT_FALSE(targets_.input_closed);

  targets_.close_input_at_end = true;
  Client staying = Connect(order);
  EXPECT_THAT(staying.AskWebSocket("v5.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  staying.Send(WebSocketClientFrame(2, std::string("\xff\0", 2)));
  ASSERT_TRUE(targets_.AwaitInputClosed());
  WriteOut("the container's answer");
  targets_.out.Reset();
  std::map<char, std::string> channels = staying.ReadMessages();
  EXPECT_EQ(channels[1], "the container's answer");
  EXPECT_EQ(channels[3], kSuccess);
}

// A container with stdin_once.
class InputOfFirstClientTest : public StreamServerTest {
 protected:
  InputOfFirstClientTest() { targets_.close_input_at_end = true; }

  Client Attach() {
    Client client = Connect(AttachOrder{"container", {true, true, false, false}});
    EXPECT_THAT(client.AskWebSocket("v5.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
    EXPECT_TRUE(targets_.AwaitStart());
    return client;
  }
  // Until the streams are the session's: what the process writes arrives.
  void AwaitStreams(Client& client) {
    EXPECT_EQ(client.ReadMessage(), "\1") << "the greeting";
    WriteOut("ready");
    EXPECT_EQ(client.ReadMessage(), "\1ready");
  }
};

TEST_F(InputOfFirstClientTest, EndsWithAPlainDisconnect) {
  Client client = Attach();
  AwaitStreams(client);
  client.Close();
  EXPECT_TRUE(targets_.AwaitInputClosed());
}

TEST_F(InputOfFirstClientTest, EndsWhenTheClientIsCutOff) {
  Client client = Attach();
  AwaitStreams(client);
  ASSERT_EQ(eventfd_write(targets_.cut_off.get(), 1), 0);
  targets_.out.Reset();
  EXPECT_TRUE(targets_.AwaitInputClosed());
}

TEST_F(InputOfFirstClientTest, EndsWhenTheClientGoesBeforeItHasTheStreams) {
  targets_.hold_attach = true;
  Attach().Close();
  // Later clients are served, so the first one's end has been seen.
  for (int i = 0; i < 2; ++i) Client(*server_->Issue(Exec({})) + "0").AskWebSocket("v5.channel.k8s.io");
  targets_.FinishAttach();
  EXPECT_TRUE(targets_.AwaitInputClosed());
}

TEST_F(InputOfFirstClientTest, EndsWithTheServer) {
  Client client = Attach();
  AwaitStreams(client);
  server_.reset();
  EXPECT_TRUE(targets_.input_closed);
}

TEST_F(StreamServerTest, AnAttachedClientIsToldThatItWasCutOff) {
  Client client = Connect(AttachOrder{"container", {false, true, false, false}});
  EXPECT_THAT(client.AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  ASSERT_TRUE(targets_.AwaitStart());
  ASSERT_EQ(eventfd_write(targets_.cut_off.get(), 1), 0);
  targets_.out.Reset();
  EXPECT_THAT(client.ReadMessages()[3], HasSubstr("reads too slowly"));
}

// A port of loopback, as the pod's would be.
class PortForwardTest : public StreamServerTest {
 protected:
  PortForwardTest() {
    listener_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener_.get(), generic, size), 0);
    EXPECT_EQ(getsockname(listener_.get(), generic, &size), 0);
    EXPECT_EQ(listen(listener_.get(), 16), 0);
    port_ = std::to_string(ntohs(address.sin_port));
  }
  UniqueFd Accept() {
    EXPECT_TRUE(Await(listener_.get(), POLLIN));
    return UniqueFd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  UniqueFd listener_;
  std::string port_;
};

TEST_F(PortForwardTest, EachSideMayEndItsDirectionFirst) {
  Client client = Connect(ForwardOrder{"sandbox", {}});
  EXPECT_THAT(client.AskSpdy("portforward.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  client.Send(frames.Open(1, {{"streamtype", "error"}, {"port", port_}, {"requestid", "0"}}, /*fin=*/true));
  client.Send(frames.Open(3, {{"streamtype", "data"}, {"port", port_}, {"requestid", "0"}}) +
              frames.Data(3, "question", /*fin=*/true));
  UniqueFd program = Accept();
  EXPECT_EQ(ReadSome(program.get()), "question");
  EXPECT_TRUE(HasEnded(program.get()));
  ASSERT_EQ(write(program.get(), "answer", 6), 6);
  program.Reset();
  std::string answer;
  bool data_ended = false;
  bool error_ended = false;
  while (!data_ended || !error_ended) {
    Client::SpdyFrame frame = client.ReadSpdy();
    ASSERT_GE(frame.type, 0);
    if (frame.type != 0) continue;
    if (frame.stream == 3) answer += frame.payload;
    (frame.stream == 3 ? data_ended : error_ended) |= frame.fin;
  }
  EXPECT_EQ(answer, "answer");
}

TEST_F(PortForwardTest, ARefusedConnectionIsReportedAndOthersGoOn) {
  std::string closed_port = port_;
  listener_.Reset();
  Client client = Connect(ForwardOrder{"sandbox", {}});
  EXPECT_THAT(client.AskSpdy("portforward.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  for (uint32_t request : {0u, 1u}) {
    std::string id = std::to_string(request);
    for (const char* type : {"error", "data"}) {
      uint32_t stream = request * 4 + (type == std::string_view("data") ? 3 : 1);
      client.Send(frames.Open(stream, {{"streamtype", type}, {"port", closed_port}, {"requestid", id}}));
    }
    Client::SpdyFrame frame;
    do frame = client.ReadSpdy();
    while (frame.type > 0 || (frame.type == 0 && frame.payload.empty()));
    EXPECT_EQ(frame.stream, request * 4 + 1);
    EXPECT_THAT(frame.payload, HasSubstr("Connection refused"));
  }
}

TEST_F(PortForwardTest, WithoutAValidPortAChannelIsRefused) {
  Client client = Connect(ForwardOrder{"sandbox", {}});
  EXPECT_THAT(client.AskSpdy("portforward.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  constexpr int kReset = 3;
  uint32_t stream = 1;
  for (const char* port : {"", "0", "65536", "80x", "-1"}) {
    client.Send(frames.Open(stream, {{"streamtype", "data"}, {"port", port}}));
    Client::SpdyFrame frame;
    do frame = client.ReadSpdy();
    while (frame.type != kReset && frame.type >= 0);
    EXPECT_EQ(frame.stream, stream) << port;
    stream += 2;
  }
}

TEST_F(PortForwardTest, WhatIsResetBeforeItBeganIsForgotten) {
  Client client = Connect(ForwardOrder{"sandbox", {}});
  EXPECT_THAT(client.AskSpdy("portforward.k8s.io"), StartsWith("HTTP/1.1 101 "));
  SpdyClientFrames frames;
  uint32_t stream = 1;
  for (const char* type : {"error", "data", "error", "data"}) {
    client.Send(frames.Open(stream, {{"streamtype", type}, {"port", port_}, {"requestid", "0"}}));
    if (stream < 5) client.Send(SpdyResetFrame(stream, SpdyReset::kCancel));
    stream += 2;
  }
  client.Send(frames.Data(7, "question"));
  EXPECT_EQ(ReadSome(Accept().get()), "question");
}

TEST_F(PortForwardTest, OverWebSocketEachChannelBeginsWithItsPort) {
  auto port = static_cast<uint16_t>(std::stoi(port_));
  Client client = Connect(ForwardOrder{"sandbox", {port}});
  EXPECT_THAT(client.AskWebSocket("v4.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  std::string number{static_cast<char>(port), static_cast<char>(port >> 8)};
  EXPECT_EQ(client.ReadMessage(), std::string(1, '\0') + number);
  EXPECT_EQ(client.ReadMessage(), "\1" + number);
  UniqueFd program = Accept();
  client.Send(WebSocketClientFrame(2, std::string("\0question", 9)));
  EXPECT_EQ(ReadSome(program.get()), "question");
  ASSERT_EQ(write(program.get(), "answer", 6), 6);
  program.Reset();
  EXPECT_EQ(client.ReadMessages()['\0'], "answer");
}

TEST_F(StreamServerTest, ThousandsOfClientsLeaveNoDescriptorBehind) {
  auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  AttachOrder order{"container", {true, true, true, false}};
  auto visit = [&] {
    Client client = Connect(order);
    EXPECT_THAT(client.AskWebSocket("v5.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  };
  visit();
  ASSERT_TRUE(targets_.AwaitStart());
  auto before = descriptors();
  for (int i = 0; i < 2000; ++i) visit();
  // The last ones are on their way.
  int64_t deadline = MonotonicMilliseconds() + kPatienceMs;
  while (descriptors() > before && MonotonicMilliseconds() < deadline) std::this_thread::yield();
  EXPECT_LE(descriptors(), before);
}

// So many descriptors as the test needs for both ends.
void AllowDescriptors(rlim_t count) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(count, limit.rlim_max));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST_F(StreamServerTest, Rule22AThousandIdleConnectionsKeepOutNobodyWithAToken) {
  AllowDescriptors(4096);
  std::string nowhere = *server_->Issue(Exec({false, true, false, false}));
  Client running = BeginExec();
  std::vector<Client> idle;
  for (int i = 0; i < 1000; ++i) idle.emplace_back(nowhere);
  WriteOut("undisturbed");
  EXPECT_EQ(running.ReadMessage(), "\1undisturbed");
  Client late = Connect(Exec({false, true, false, false}));
  EXPECT_THAT(late.AskWebSocket("v5.channel.k8s.io"), StartsWith("HTTP/1.1 101 "));
  EXPECT_TRUE(idle.front().IsLeft()) << "the oldest makes room";
}

TEST_F(StreamServerTest, AClientThatDoesNotSendItsRequestInTimeIsLeft) {
  Start({.request_timeout_ms = 100});
  Client slow = Connect(Exec({false, true, false, false}));
  slow.Send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(slow.IsLeft());
}

TEST_F(StreamServerTest, AnExceptionEndsTheStreamThatItCameFromAndNoOther) {
  Client good = BeginExec();
  targets_.attach_throws = true;
  Client bad = Connect(AttachOrder{"container", {false, true, false, false}});
  bad.AskWebSocket("v5.channel.k8s.io");
  EXPECT_EQ(bad.ReadMessage(), "\1") << "the greeting";
  EXPECT_EQ(bad.ReadMessage(), "");
  WriteOut("still served");
  EXPECT_EQ(good.ReadMessage(), "\1still served");
  EndProcess(0);
}

}  // namespace
}  // namespace davit::streaming
