// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/terminal/pump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file_io.h"

namespace davit::cli {
namespace {

struct Pipe {
  explicit Pipe(int flags = 0) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | flags), 0);
    read.Reset(ends[0]);
    write.Reset(ends[1]);
  }
  UniqueFd read;
  UniqueFd write;
};

UniqueFd TempFile(int flags = 0) {
  char path[] = "/tmp/davit-pump-XXXXXX";
  UniqueFd file(mkostemp(path, O_CLOEXEC | flags));
  unlink(path);
  return file;
}

// Steps as long as there is something to do.
void Turn(Pump& pump) {
  for (int i = 0; i < 10'000 && !pump.ended(); ++i) {
    pollfd ready = pump.Wait();
    if (poll(&ready, 1, /*timeout=*/0) != 1) return;
    pump.Step();
  }
}

std::string Drain(int fd) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  std::string text;
  char buffer[65'536];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  return text;
}

void Fill(int fd) {
  int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  char byte = 'x';
  while (write(fd, &byte, 1) == 1) continue;
  fcntl(fd, F_SETFL, flags);
}

class PumpTest : public ::testing::Test {
 protected:
  void SetUp() override { signal(SIGPIPE, SIG_IGN); }
};

TEST_F(PumpTest, PassesTheEndOnByClosingTheEndThatItOwns) {
  Pipe from, to(O_NONBLOCK);
  Pump pump = Pump::ToOwned(from.read.get(), std::move(to.write));
  ASSERT_TRUE(WriteAll(from.write.get(), "hello", "pipe"));
  Turn(pump);
  EXPECT_FALSE(pump.ended());
  from.write.Reset();
  Turn(pump);
  EXPECT_TRUE(pump.ended());
  char buffer[16];
  EXPECT_EQ(read(to.read.get(), buffer, sizeof buffer), 5);
  EXPECT_EQ(read(to.read.get(), buffer, sizeof buffer), 0) << "end of file";
}

// A blocking sink without room, as another program's pipe is: the process must not hang in it.
TEST_F(PumpTest, WaitsForRoomWithoutBlocking) {
  for (bool splices : {true, false}) {
    SCOPED_TRACE(splices);
    Pipe from, to;
    Pump pump(
        from.read.get(), to.write.get(),
        splices ? Pump::Filter() : [](std::string_view data) { return std::string(data); });
    Fill(to.write.get());
    std::string data(50'000, 'y');
    ASSERT_TRUE(WriteAll(from.write.get(), data, "pipe"));
    from.write.Reset();
    Turn(pump);
    EXPECT_FALSE(pump.ended());
    EXPECT_EQ(pump.Wait().fd, to.write.get());
    std::string got = Drain(to.read.get());
    while (!pump.ended()) {
      Turn(pump);
      got += Drain(to.read.get());
    }
    EXPECT_EQ(got.substr(got.find('y')), data);
  }
}

TEST_F(PumpTest, CopiesFilesAlsoThoseThatAreOnlyAppendedTo) {
  for (int flags : {0, O_APPEND}) {
    UniqueFd from = TempFile(), to = TempFile(flags);
    ASSERT_TRUE(WriteAll(from.get(), "content", "file"));
    lseek(from.get(), 0, SEEK_SET);
    Pipe pipe(O_NONBLOCK);
    Pump in = Pump::ToOwned(from.get(), std::move(pipe.write));
    Turn(in);
    EXPECT_TRUE(in.ended());
    Pump out = Pump::FromOwned(std::move(pipe.read), to.get());
    Turn(out);
    EXPECT_TRUE(out.ended());
    char buffer[16] = {};
    EXPECT_EQ(pread(to.get(), buffer, sizeof buffer, 0), 7);
    EXPECT_STREQ(buffer, "content");
  }
}

TEST_F(PumpTest, ASinkWithoutReaderEndsIt) {
  Pipe from, to;
  to.read.Reset();
  Pump pump(from.read.get(), to.write.get());
  ASSERT_TRUE(WriteAll(from.write.get(), "x", "pipe"));
  Turn(pump);
  EXPECT_TRUE(pump.ended());
  EXPECT_TRUE(pump.broken());
}

TEST_F(PumpTest, TheRestIsWhatTheSourceHasNow) {
  Pipe from(O_NONBLOCK), to;
  UniqueFd other(dup(from.write.get()));  // a process that lives on
  Pump pump = Pump::FromOwned(std::move(from.read), to.write.get());
  ASSERT_TRUE(WriteAll(from.write.get(), "rest", "pipe"));
  pump.EndAfterRest();
  EXPECT_TRUE(pump.ended());
  EXPECT_EQ(Drain(to.read.get()), "rest");
}

TEST_F(PumpTest, TheRestWaitsForRoom) {
  Pipe from(O_NONBLOCK), to;
  Pump pump = Pump::FromOwned(std::move(from.read), to.write.get());
  Fill(to.write.get());
  ASSERT_TRUE(WriteAll(from.write.get(), "rest", "pipe"));
  pump.EndAfterRest();
  ASSERT_FALSE(pump.ended());
  std::string got = Drain(to.read.get());
  pump.EndAfterRest();
  EXPECT_TRUE(pump.ended());
  got += Drain(to.read.get());
  EXPECT_EQ(got.substr(got.size() - 4), "rest");
}

TEST_F(PumpTest, SocketsAreCopied) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd near(ends[0]), far(ends[1]);
  Pipe to(O_NONBLOCK);
  ASSERT_TRUE(WriteAll(far.get(), "by socket", "socket"));
  far.Reset();
  Pump pump(near.get(), to.write.get());
  Turn(pump);
  EXPECT_TRUE(pump.ended());
  EXPECT_EQ(Drain(to.read.get()), "by socket");
}

}  // namespace
}  // namespace davit::cli
