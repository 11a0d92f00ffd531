// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/daemon/listener.h"

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace davit::cri {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kPatienceMs = 30'000;
constexpr int64_t kNoPatience = 10;

class ListenerTest : public ::testing::Test {
 protected:
  ListenerTest() {
    char path[] = "/tmp/davit-listener-XXXXXX";
    EXPECT_NE(mkdtemp(path), nullptr);
    directory_ = path;
    path_ = directory_ + "/davit.sock";
  }
  ~ListenerTest() override { std::filesystem::remove_all(directory_); }

  bool Connects() const {
    UniqueFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    return connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  std::string directory_;
  std::string path_;
};

TEST_F(ListenerTest, TheSocketIsForItsGroupAtMost) {
  Listener listener = OpenListener(path_).value();
  struct stat file{};
  ASSERT_EQ(stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0660u);
  EXPECT_TRUE(Connects());
}

TEST_F(ListenerTest, ASocketWhoseServerLivesIsLeftAlone) {
  Listener first = OpenListener(path_).value();
  Result<Listener> second = OpenListener(path_, kNoPatience);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
  EXPECT_THAT(second.error().ToString(), HasSubstr("process " + std::to_string(getpid())));
  EXPECT_TRUE(Connects());
}

TEST_F(ListenerTest, AServerThatSpeaksIsNotWaitedFor) {
  Listener first = OpenListener(path_).value();
  std::thread server([&first] {
    pollfd client{first.socket.get(), POLLIN, 0};
    EXPECT_EQ(poll(&client, 1, kPatienceMs), 1);
    UniqueFd connection(accept4(first.socket.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_EQ(send(connection.get(), "settings", 8, MSG_NOSIGNAL), 8);
    char byte;
    EXPECT_LE(recv(connection.get(), &byte, 1, 0), 0) << "or a reset: not all was read";
  });
  EXPECT_FALSE(OpenListener(path_, /*patience_ms=*/-1)) << "an endless wait ends";
  server.join();
}

TEST_F(ListenerTest, ADeadSocketIsReplaced) {
  OpenListener(path_).value().socket.Reset();
  EXPECT_FALSE(Connects());
  Listener next = OpenListener(path_, kNoPatience).value();
  EXPECT_TRUE(Connects());
}

TEST_F(ListenerTest, AServerThatIsEndingIsWaitedFor) {
  Listener first = OpenListener(path_).value();
  std::thread ending([&first] {
    pollfd client{first.socket.get(), POLLIN, 0};
    EXPECT_EQ(poll(&client, 1, kPatienceMs), 1);
    first.socket.Reset();
  });
  Result<Listener> next = OpenListener(path_, kPatienceMs);
  ending.join();
  ASSERT_TRUE(next) << next.error().ToString();
  EXPECT_TRUE(Connects());
}

TEST_F(ListenerTest, AFileThatIsNotASocketIsLeftAlone) {
  std::ofstream(path_) << "somebody's";
  EXPECT_EQ(OpenListener(path_).error().code, Code::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(ListenerTest, OnlyItsOwnFileIsRemoved) {
  Listener first = OpenListener(path_).value();
  std::filesystem::rename(path_, path_ + ".old");
  Listener next = OpenListener(path_).value();
  RemoveSocketFile(first);
  EXPECT_TRUE(Connects());
  RemoveSocketFile(next);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace davit::cri
