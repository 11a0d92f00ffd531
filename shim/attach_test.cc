// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Clients of a container's input: how long it stays open, and for whom.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/eventfd.h>

#include "base/file_io.h"
#include "shim/testing/shim_fixture.h"

namespace davit::shim {
namespace {

using ::testing::ElementsAre;

// All that a client holds. It goes as one that disconnects: its ends are closed, and nothing is said.
struct Client {
  UniqueFd in;  // empty: it has none
  UniqueFd out;
  UniqueFd cut_off;
};

class AttachTest : public ShimTest {
 protected:
  enum class Stdin { kOnce, kStays };
  void StartReader(Stdin input, const std::string& script) {
    StartSandbox();
    ContainerPlan plan = MinimalPlan(TestId(1), {"sh", "-c", script});
    plan.stdin_open = true;
    plan.stdin_once = input == Stdin::kOnce;
    ASSERT_TRUE(daemon_.Start(plan, image_)) << daemon_.ShimLog();
  }
  Client Attach(bool input) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    Client client{{}, UniqueFd(ends[0]), UniqueFd(eventfd(0, EFD_CLOEXEC))};
    Descriptors fds;
    fds.Add(FdRole::kStdout, UniqueFd(ends[1]));
    fds.Add(FdRole::kCutOff, UniqueFd(fcntl(client.cut_off.get(), F_DUPFD_CLOEXEC, 0)));
    auto reply = daemon_.Call(ShimMessage::kAttach, Encode(AttachRequest{TestId(1), input}), std::move(fds));
    EXPECT_TRUE(reply) << reply.error().ToString();
    client.in = reply->fds.Take(FdRole::kInput);
    EXPECT_TRUE(reply->fds.empty());
    return client;
  }
  static void Type(const Client& client, const std::string& text) {
    EXPECT_TRUE(WriteAll(client.in.get(), text, "input"));
  }
  std::vector<std::string> OutputAtTheEnd() {
    auto exit = daemon_.AwaitExit(TestId(1));
    EXPECT_TRUE(exit) << exit.error().ToString();
    return exit ? daemon_.Outcome(*exit).out : std::vector<std::string>();
  }
};

TEST_F(AttachTest, WithStdinOnceTheInputEndsWhenItsFirstClientGoes) {
  StartReader(Stdin::kOnce, "cat; echo ended");
  Client first = Attach(/*input=*/true);
  Client second = Attach(/*input=*/true);
  Type(first, "typed\n");
  first = {};
  EXPECT_THAT(OutputAtTheEnd(), ElementsAre("typed", "ended"));
}

TEST_F(AttachTest, WithStdinOnceOneClientAloneHasTheInput) {
  StartReader(Stdin::kOnce, "cat; sleep 1000");
  Client first = Attach(/*input=*/true);
  EXPECT_TRUE(first.in);
  EXPECT_FALSE(Attach(/*input=*/true).in);
  first = {};
  EXPECT_FALSE(Attach(/*input=*/true).in);
}

TEST_F(AttachTest, WithStdinOnceClientsWithoutInputComeAndGo) {
  StartReader(Stdin::kOnce, "read line; echo got $line");
  {
    Client watching = Attach(/*input=*/false);
  }
  Client first = Attach(/*input=*/true);
  {
    Client watching = Attach(/*input=*/false);
  }
  ASSERT_TRUE(first.in);
  Type(first, "it\n");
  EXPECT_THAT(OutputAtTheEnd(), ElementsAre("got it"));
}

TEST_F(AttachTest, OtherwiseTheInputOutlivesItsClients) {
  StartReader(Stdin::kStays, "read a; read b; echo $a $b");
  {
    Client first = Attach(/*input=*/true);
    Type(first, "one\n");
  }
  Client second = Attach(/*input=*/true);
  ASSERT_TRUE(second.in);
  Type(second, "two\n");
  EXPECT_THAT(OutputAtTheEnd(), ElementsAre("one two"));
}

}  // namespace
}  // namespace davit::shim
