// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/session_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <vector>

#include "base/codec.h"
#include "base/frame.h"
#include "shim/session.h"

namespace davit::cri {
namespace {

class SessionTableTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/davit-sessions-XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    directory_ = pattern;
    UniqueFd file(
        open(path().c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0640));  // any file has an owner and a mode
    reactor_ = *Reactor::Start();
  }
  ~SessionTableTest() override {
    table_.reset();
    unlink(SessionSocketPath(path()).c_str());
    unlink(path().c_str());
    rmdir(directory_.c_str());
  }

  std::string path() const { return directory_ + "/davit.sock"; }
  void Start(std::chrono::milliseconds lifetime = SessionTable::kLifetime) {
    auto socket = OpenSessionSocket(path());
    ASSERT_TRUE(socket) << socket.error().ToString();
    table_ = *SessionTable::Start(*reactor_, std::move(*socket), [this](int) { return entitled_; }, lifetime);
  }
  UniqueFd Connect() const {
    UniqueFd connection(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, SessionSocketPath(path()).c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return connection;
  }
  // Empty if the connection is closed.
  static std::string TokenOf(const UniqueFd& connection) {
    auto frame = ReceiveFrame(connection.get());
    if (!frame) return "";
    EXPECT_EQ(frame->type, static_cast<uint32_t>(shim::SessionMessage::kToken));
    return Decode<shim::SessionToken>(frame->payload, "token")->token;
  }
  static bool EndsSoon(const UniqueFd& connection) {
    pollfd end{connection.get(), POLLIN, 0};
    char byte;
    return poll(&end, 1, 30'000) == 1 && recv(connection.get(), &byte, 1, 0) == 0;
  }
  bool IsGone(const std::string& token) {
    for (int i = 0; i < 3000; ++i) {
      Result<UniqueFd> taken = table_->Take(token);
      if (!taken) return taken.error().code == Code::kNotFound;
      usleep(10'000);
    }
    return false;
  }

  std::string directory_;
  std::unique_ptr<Reactor> reactor_;
  std::unique_ptr<SessionTable> table_;
  bool entitled_ = true;
};

TEST_F(SessionTableTest, AConnectionIsTakenOnceByItsToken) {
  Start();
  UniqueFd first = Connect(), second = Connect();
  std::string one = TokenOf(first), two = TokenOf(second);
  EXPECT_NE(one, two);
  auto taken = table_->Take(one);
  ASSERT_TRUE(taken);
  ASSERT_TRUE(SendFrame(taken->get(), 99, 0, "for the first"));
  EXPECT_EQ(ReceiveFrame(first.get())->payload, "for the first");
  EXPECT_EQ(table_->Take(one).error().code, Code::kNotFound);
  EXPECT_EQ(table_->Take("").error().code, Code::kNotFound);
  EXPECT_TRUE(table_->Take(two));
}

TEST_F(SessionTableTest, OthersThanEntitledClientsGetNothing) {
  Start();
  entitled_ = false;
  EXPECT_EQ(TokenOf(Connect()), "");
}

TEST_F(SessionTableTest, ATokenDiesWithItsConnection) {
  Start();
  UniqueFd connection = Connect();
  std::string token = TokenOf(connection);
  connection.Reset();
  reactor_->Await([] {});
  EXPECT_TRUE(IsGone(token));
}

TEST_F(SessionTableTest, AConnectionThatNobodyUsesEnds) {
  Start(std::chrono::milliseconds(50));
  UniqueFd early = Connect();
  std::string first = TokenOf(early);
  usleep(20'000);
  UniqueFd late = Connect();
  std::string second = TokenOf(late);
  EXPECT_TRUE(EndsSoon(early));
  EXPECT_TRUE(EndsSoon(late));
  EXPECT_FALSE(table_->Take(first));
  EXPECT_FALSE(table_->Take(second));
}

TEST_F(SessionTableTest, OneUserHoldsOnlySoMany) {
  Start();
  std::vector<UniqueFd> connections;
  std::set<std::string> tokens;
  for (size_t i = 0; i < SessionTable::kMostOfOneUser; ++i) {
    connections.push_back(Connect());
    tokens.insert(TokenOf(connections.back()));
  }
  EXPECT_EQ(tokens.size(), SessionTable::kMostOfOneUser);
  EXPECT_FALSE(tokens.contains(""));
  EXPECT_EQ(TokenOf(Connect()), "") << "one too many";
  ASSERT_TRUE(table_->Take(*tokens.begin()));
  EXPECT_NE(TokenOf(Connect()), "");
}

TEST_F(SessionTableTest, ItsSocketHasTheModeOfTheDaemonsAndReplacesAnEarlierOne) {
  for (int i = 0; i < 2; ++i) {
    auto socket = OpenSessionSocket(path());
    ASSERT_TRUE(socket) << socket.error().ToString();
    struct stat found{};
    ASSERT_EQ(stat(SessionSocketPath(path()).c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0640U);
  }
  unlink(SessionSocketPath(path()).c_str());
  UniqueFd file(open(SessionSocketPath(path()).c_str(), O_CREAT | O_CLOEXEC, 0600));
  EXPECT_EQ(OpenSessionSocket(path()).error().code, Code::kFailedPrecondition) << "not a socket";
}

}  // namespace
}  // namespace davit::cri
