// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "dns/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <set>

#include "base/reactor.h"
#include "dns/responders.h"
#include "dns/testing/packets.h"

namespace davit::dns {
namespace {

using std::string_literals::operator""s;

constexpr int kPatienceSeconds = 60;
const cni::IpAddress kLoopback = cni::IpAddress::Parse("127.0.0.1").value();

UniqueFd Socket(int type) {
  UniqueFd fd(socket(AF_INET, type | SOCK_CLOEXEC, 0));
  timeval patience{kPatienceSeconds, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

sockaddr_in At(uint16_t port, const char* address = "127.0.0.1") {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  inet_pton(AF_INET, address, &at.sin_addr);
  return at;
}

void Bind(int fd, uint16_t port, const char* address = "127.0.0.1") {
  sockaddr_in at = At(port, address);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), 0) << strerror(errno);
}

uint16_t PortOf(int fd) {
  sockaddr_in at{};
  socklen_t size = sizeof at;
  getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  return ntohs(at.sin_port);
}

// A socket of a client at this address.
class Client {
 public:
  Client(int type, uint16_t port, const char* address = "127.0.0.1") : fd_(Socket(type)) {
    Bind(fd_.get(), 0, address);
    sockaddr_in at = At(port);
    EXPECT_EQ(connect(fd_.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0) << strerror(errno);
  }

  void Send(const std::string& bytes) {
    EXPECT_EQ(send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // What comes next; empty at the end of a connection.
  std::string Receive(int flags = 0) {
    char buffer[70'000];
    ssize_t size = recv(fd_.get(), buffer, sizeof buffer, flags);
    return size <= 0 ? "" : std::string(buffer, static_cast<size_t>(size));
  }
  void SendFramed(const std::string& message) {
    Send(Number(static_cast<uint16_t>(message.size())) + message);
  }
  std::string ReceiveFramed() {
    std::string bytes;
    while (bytes.size() < 2 || bytes.size() < 2u + IdOf(bytes)) {
      std::string more = Receive();
      if (more.empty()) return "";
      bytes += more;
    }
    return bytes.substr(2);
  }
  bool IsClosed() { return Receive().empty(); }

 private:
  UniqueFd fd_;
};

// Another resolver, which answers when the test says so.
class FakeResolver {
 public:
  FakeResolver() : udp_(Socket(SOCK_DGRAM)), tcp_(Socket(SOCK_STREAM)) {
    Bind(udp_.get(), 0);
    Bind(tcp_.get(), PortOf(udp_.get()));
    listen(tcp_.get(), 100);
  }
  ServerAddress address() const { return {kLoopback, 0, PortOf(udp_.get())}; }

  struct Asked {
    std::string packet;
    sockaddr_in from{};
  };
  Asked Next() {
    Asked asked;
    char buffer[5'000];
    socklen_t size = sizeof asked.from;
    ssize_t received =
        recvfrom(udp_.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&asked.from), &size);
    EXPECT_GT(received, 0) << "no question came";
    if (received > 0) asked.packet.assign(buffer, static_cast<size_t>(received));
    return asked;
  }
  void Answer(const Asked& asked, const std::string& packet) {
    sendto(udp_.get(), packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&asked.from),
           sizeof asked.from);
  }
  UniqueFd Accept() { return UniqueFd(accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }

 private:
  UniqueFd udp_;
  UniqueFd tcp_;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    names_->Put({"1", {"db"}, {cni::IpAddress::Parse("10.89.0.7").value()}});
    config_.addresses = {kLoopback};
    config_.port = 0;
    servers_ = {resolver_.address()};
  }

  void Open(Forwarder::Limits limits = {}) {
    reactor_ = Reactor::Start().value();
    reactor_->Await([&] {
      timers_ = Timers::Create(reactor_->loop()).value();
      forwarder_ = std::make_unique<Forwarder>(reactor_->loop(), *timers_, limits);
      server_ = Server::Open({reactor_->loop(), *timers_, *forwarder_, [this] { return servers_; }}, config_,
                             names_)
                    .value();
    });
  }
  void TearDown() override {
    reactor_->Await([this] {
      server_.reset();
      EXPECT_EQ(forwarder_->in_flight(), 0u);
      forwarder_.reset();
      timers_.reset();
    });
  }
  size_t Connections() {
    size_t count = 0;
    reactor_->Await([&] { count = server_->connections(); });
    return count;
  }
  uint16_t port() const { return server_->port(); }

  ServerConfig config_;
  FakeResolver resolver_;
  std::vector<ServerAddress> servers_;
  std::shared_ptr<Names> names_ = std::make_shared<Names>("back");
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<Timers> timers_;
  std::unique_ptr<Forwarder> forwarder_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersOverUdpAndTcp) {
  Open();
  Client udp(SOCK_DGRAM, port());
  udp.Send(QueryFor("db", kTypeA));
  EXPECT_EQ(AnswersIn(udp.Receive()), 1);
  Client tcp(SOCK_STREAM, port());
  for (int i = 0; i < 3; ++i) {
    tcp.SendFramed(QueryFor("db", kTypeA));
    EXPECT_EQ(AnswersIn(tcp.ReceiveFramed()), 1);
  }
}

TEST_F(ServerTest, QueriesOverOneConnectionMayComeInPiecesAndTogether) {
  Open();
  Client tcp(SOCK_STREAM, port());
  std::string framed = Number(static_cast<uint16_t>(QueryFor("db", 1).size())) + QueryFor("db", 1);
  for (char byte : framed) tcp.Send(std::string(1, byte));
  EXPECT_EQ(AnswersIn(tcp.ReceiveFramed()), 1);
  tcp.Send(framed + framed.substr(0, 5));
  EXPECT_EQ(AnswersIn(tcp.ReceiveFramed()), 1);
  tcp.Send(framed.substr(5));
  EXPECT_EQ(AnswersIn(tcp.ReceiveFramed()), 1);
}

TEST_F(ServerTest, ForwardsWithAnotherIdAndPortEachTime) {
  Open();
  Client client(SOCK_DGRAM, port());
  std::set<uint16_t> ids;
  std::set<uint16_t> ports;
  constexpr size_t kQuestions = 20;
  for (size_t i = 0; i < kQuestions; ++i) {
    client.Send(QueryFor("example.com", kTypeA));
    FakeResolver::Asked asked = resolver_.Next();
    ids.insert(IdOf(asked.packet));
    ports.insert(asked.from.sin_port);
    resolver_.Answer(asked, AnswerWith(IdOf(asked.packet), "example.com", "192.0.2.1"));
    EXPECT_EQ(client.Receive(), AnswerWith(0x1234, "example.com", "192.0.2.1"));
  }
  EXPECT_GT(ids.size(), kQuestions / 2);
  EXPECT_GT(ports.size(), kQuestions / 2);
}

TEST_F(ServerTest, ForgedAnswersDoNotCount) {
  Open();
  Client client(SOCK_DGRAM, port());
  client.Send(QueryFor("example.com", kTypeA));
  FakeResolver::Asked asked = resolver_.Next();
  uint16_t id = IdOf(asked.packet);
  resolver_.Answer(asked, AnswerWith(static_cast<uint16_t>(id + 1), "example.com", "203.0.113.1"));
  resolver_.Answer(asked, AnswerWith(id, "example.org", "203.0.113.1"));
  resolver_.Answer(asked, asked.packet);
  FakeResolver::Asked from_elsewhere = asked;
  FakeResolver another;
  another.Answer(from_elsewhere, AnswerWith(id, "example.com", "203.0.113.1"));
  resolver_.Answer(asked, AnswerWith(id, "example.com", "192.0.2.1"));
  EXPECT_EQ(client.Receive(), AnswerWith(0x1234, "example.com", "192.0.2.1"));
}

TEST_F(ServerTest, TheNextResolverIsAskedWhenOneIsSilent) {
  FakeResolver silent;
  servers_ = {silent.address(), resolver_.address()};
  Open({.server_ms = 50});
  Client client(SOCK_DGRAM, port());
  client.Send(QueryFor("example.com", kTypeA));
  FakeResolver::Asked asked = resolver_.Next();
  resolver_.Answer(asked, AnswerWith(IdOf(asked.packet), "example.com", "192.0.2.1"));
  EXPECT_EQ(AnswersIn(client.Receive()), 1);
}

TEST_F(ServerTest, WithoutAnAnswerTheClientIsTold) {
  Open({.server_ms = 50, .total_ms = 100});
  Client udp(SOCK_DGRAM, port());
  udp.Send(QueryFor("example.com", kTypeA));
  EXPECT_EQ(RcodeIn(udp.Receive()), static_cast<uint8_t>(Rcode::kServerFailure));
  Client tcp(SOCK_STREAM, port());
  tcp.SendFramed(QueryFor("example.com", kTypeA));
  EXPECT_EQ(RcodeIn(tcp.ReceiveFramed()), static_cast<uint8_t>(Rcode::kServerFailure));
  reactor_->Await([this] { servers_.clear(); });
  udp.Send(QueryFor("example.com", kTypeA));
  EXPECT_EQ(RcodeIn(udp.Receive()), static_cast<uint8_t>(Rcode::kServerFailure)) << "no resolver";
}

TEST_F(ServerTest, ForwardsOverTcpWhatCameOverTcp) {
  Open();
  Client client(SOCK_STREAM, port());
  client.SendFramed(QueryFor("example.com", kTypeA));
  UniqueFd upstream = resolver_.Accept();
  char buffer[100];
  ssize_t size = recv(upstream.get(), buffer, 2 + QueryFor("example.com", kTypeA).size(), MSG_WAITALL);
  ASSERT_GT(size, 2);
  std::string answer =
      AnswerWith(IdOf({buffer + 2, 2}), "example.com", "192.0.2.1") + std::string(60'000, 'x');
  std::string framed = Number(static_cast<uint16_t>(answer.size())) + answer;
  for (size_t at = 0; at < framed.size();) {
    ssize_t sent = send(upstream.get(), framed.data() + at, framed.size() - at, MSG_NOSIGNAL);
    ASSERT_GT(sent, 0);
    at += static_cast<size_t>(sent);
  }
  EXPECT_EQ(client.ReceiveFramed().size(), answer.size());
}

TEST_F(ServerTest, AClientHasOnlySoManyQuestionsInFlight) {
  config_.most_questions_each = 3;
  Open();
  Client greedy(SOCK_DGRAM, port());
  for (int i = 0; i < 4; ++i) greedy.Send(QueryFor("example.com", kTypeA));
  EXPECT_EQ(RcodeIn(greedy.Receive()), static_cast<uint8_t>(Rcode::kServerFailure));
  greedy.Send(QueryFor("db", kTypeA));
  EXPECT_EQ(AnswersIn(greedy.Receive()), 1) << "names of the network need no room";
  Client other(SOCK_DGRAM, port(), "127.0.0.2");
  other.Send(QueryFor("example.org", kTypeA));
  for (int i = 0; i < 4; ++i) {
    FakeResolver::Asked asked = resolver_.Next();
    bool of_other = asked.packet.contains("\3org");
    resolver_.Answer(asked,
                     AnswerWith(IdOf(asked.packet), of_other ? "example.org" : "example.com", "192.0.2.1"));
  }
  EXPECT_EQ(AnswersIn(other.Receive()), 1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(AnswersIn(greedy.Receive()), 1);
  greedy.Send(QueryFor("example.com", kTypeA));
  FakeResolver::Asked asked = resolver_.Next();
  resolver_.Answer(asked, AnswerWith(IdOf(asked.packet), "example.com", "192.0.2.1"));
  EXPECT_EQ(AnswersIn(greedy.Receive()), 1) << "the room is free again";
}

TEST_F(ServerTest, AClientHasOnlySoManyConnections) {
  config_.most_connections_each = 2;
  Open();
  Client first(SOCK_STREAM, port());
  Client second(SOCK_STREAM, port());
  Client third(SOCK_STREAM, port());
  EXPECT_TRUE(third.IsClosed());
  Client other(SOCK_STREAM, port(), "127.0.0.2");
  other.SendFramed(QueryFor("db", kTypeA));
  EXPECT_EQ(AnswersIn(other.ReceiveFramed()), 1);
  EXPECT_EQ(Connections(), 3u);
}

TEST_F(ServerTest, AConnectionThatSendsNoWholeQueryIsClosed) {
  config_.idle_ms = 100;
  Open();
  Client silent(SOCK_STREAM, port());
  Client slow(SOCK_STREAM, port());
  slow.Send("\0"s);
  EXPECT_TRUE(silent.IsClosed());
  EXPECT_TRUE(slow.IsClosed());
  EXPECT_EQ(Connections(), 0u);
}

TEST_F(ServerTest, RubbishEndsAConnectionAndNothingElse) {
  Open();
  for (const std::string& rubbish :
       {"\xff\xff"s, "\0\0"s, "\0\3abc"s, Number(36) + AnswerWith(1, "db", "10.89.0.7")}) {
    Client tcp(SOCK_STREAM, port());
    tcp.Send(rubbish);
    EXPECT_TRUE(tcp.IsClosed());
    Client udp(SOCK_DGRAM, port());
    udp.Send(rubbish.substr(2));  // without the length
    udp.Send(QueryFor("db", kTypeA));
    EXPECT_EQ(AnswersIn(udp.Receive()), 1) << "no answer to the rubbish";
  }
}

TEST_F(ServerTest, EndsWithQuestionsInFlight) {
  Open();
  Client udp(SOCK_DGRAM, port());
  Client tcp(SOCK_STREAM, port());
  udp.Send(QueryFor("example.com", kTypeA));
  tcp.SendFramed(QueryFor("example.com", kTypeA));
  resolver_.Next();
  UniqueFd upstream = resolver_.Accept();
  EXPECT_TRUE(upstream);
}

TEST(Responders, RefuseAnAddressThatAnotherProgramHas) {
  UniqueFd other = Socket(SOCK_DGRAM);
  Bind(other.get(), 0);
  Responders responders;
  ServerConfig config;
  config.addresses = {kLoopback};
  config.port = PortOf(other.get());
  Result<> served = responders.Serve("back", config, std::make_shared<Names>("back"));
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error().code, Code::kAlreadyExists);
  EXPECT_FALSE(responders.DeviceOf("back"));
  other.Reset();
  EXPECT_TRUE(responders.Serve("back", config, std::make_shared<Names>("back")));
  EXPECT_EQ(responders.DeviceOf("back"), 0u);
  EXPECT_TRUE(responders.Serve("back", config, std::make_shared<Names>("back"))) << "again";
  responders.Stop("back");
  EXPECT_FALSE(responders.DeviceOf("back"));
}

}  // namespace
}  // namespace davit::dns
