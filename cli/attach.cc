// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/containers.h"
#include "cli/sessions.h"
#include "cli/target.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

// By its whole id, and how to ask for its end.
struct Attachee {
  std::string id;
  bool local = false;
  bool tty = false;
  AskContainer ask;
};

Result<Attachee> FindAttachee(const Session& session, const std::string& name) {
  Result<api::Container> container = InspectContainer(session.daemon, name);
  if (container)
    return Attachee{container->id(), /*local=*/true, container->spec().tty(),
                    AskLocal(session.daemon, container->id(), /*restarting_goes_on=*/false)};
  if (container.error().code != Code::kNotFound) return std::unexpected(std::move(container).error());
  const std::string id = TRY(FindContainer(session.daemon, name)).container->id();
  return Attachee{id, /*local=*/false, /*tty=*/false, AskKubelets(session.daemon, id)};
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
  return EndOfContainer(session, TRY(RunContainerSession(session, TRY(link.TakeStreams()), choice)),
                        container.ask);
}

}  // namespace davit::cli
