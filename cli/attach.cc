// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/by_name.h"
#include "cli/sessions.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

struct Attachee {
  std::string id;  // the whole one
  bool local = false;
};

Result<Attachee> FindAttachee(const Session& session, const std::string& name) {
  auto local = [&](const api::Container& container) { return Attachee{container.id(), /*local=*/true}; };
  auto kubelets = [&](const Target& target) -> Result<Attachee> {
    return Attachee{target.container->id(), /*local=*/false};
  };
  return ByName(session.daemon, name, local, kubelets);
}

}  // namespace

Result<int> Perform(const Session& session, const AttachOptions& options) {
  SessionChoice choice;
  choice.input = !options.no_stdin;
  choice.detach_keys = TRY(ParseDetachKeys(options.detach_keys));
  Attachee container = TRY(FindAttachee(session, options.id));
  if (container.local && options.sig_proxy) choice.signal = SignalsTo(session, container.id);

  SessionLink link = TRY(SessionLink::Open(session.daemon));
  api::SessionsAttachRequest request;
  request.set_token(link.token());
  request.set_container(container.id);
  request.set_stdin(choice.input);
  auto attached = TRY(session.daemon.Call(&SessionStub::Attach, request));
  TRY(CheckInputDevice(session.console, attached.tty(), choice.input));
  SessionEnd end = TRY(RunContainerSession(session, TRY(link.TakeStreams()), choice));
  if (end.how != SessionEnd::How::kStreamsEnded) return end.exit_code;
  return container.local ? AwaitLocalEnd(session, container.id)
                         : AwaitExit(session, AskKubelets(session.daemon, container.id));
}

}  // namespace davit::cli
