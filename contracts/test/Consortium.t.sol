// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Consortium} from "../src/Consortium.sol";
import {Harness} from "./Harness.sol";

contract ConsortiumTest is Harness {
    uint256 internal calls;

    error Failed(uint256 value);

    function setUp() public {
        deployRegistry(EMPTY_STATUS_ROOT);
    }

    /// What proposals call.
    function count() external {
        equal(msg.sender, address(consortium));
        ++calls;
    }

    function fail() external pure {
        revert Failed(7);
    }

    function failSilently() external pure {
        assembly ("memory-safe") {
            revert(0, 0)
        }
    }

    function counting() internal pure returns (bytes memory) {
        return abi.encodeCall(ConsortiumTest.count, ());
    }

    function propose(address member, bytes memory data) internal returns (uint256) {
        bytes memory call = abi.encodeCall(Consortium.propose, (address(this), data));
        return abi.decode(done(member, address(consortium), call), (uint256));
    }

    function approve(address member, uint256 id) internal {
        done(member, address(consortium), abi.encodeCall(Consortium.approve, (id)));
    }

    function approveRefused(address member, uint256 id, bytes memory why) internal {
        refused(member, address(consortium), abi.encodeCall(Consortium.approve, (id)), why);
    }

    function execute(address member, uint256 id) internal {
        done(member, address(consortium), abi.encodeCall(Consortium.execute, (id)));
    }

    function executeRefused(address member, uint256 id, bytes memory why) internal {
        refused(member, address(consortium), abi.encodeCall(Consortium.execute, (id)), why);
    }

    function membership(address[] memory removed, address[] memory added, uint16 threshold)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeCall(Consortium.changeMembership, (removed, added, threshold));
    }

    function one(address member) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = member;
    }

    function none() internal pure returns (address[] memory) {
        return new address[](0);
    }

    function test_a_call_is_made_once_when_enough_members_approve() public {
        uint256 id = propose(members[0], counting());
        executeRefused(members[0], id, abi.encodeWithSelector(Consortium.NotEnoughApprovals.selector, id, 1, 2));
        approve(members[2], id);
        execute(members[1], id);
        equal(calls, 1);
        bytes memory why = refusal(Consortium.AlreadyExecuted.selector, id);
        executeRefused(members[0], id, why);
        approveRefused(members[1], id, why);
        equal(calls, 1);
    }

    function test_a_member_has_one_vote_and_can_take_it_back() public {
        uint256 id = propose(members[0], counting());
        approveRefused(members[0], id, abi.encodeWithSelector(Consortium.AlreadyApproved.selector, id, members[0]));
        approve(members[1], id);
        bytes memory revoke = abi.encodeCall(Consortium.revokeApproval, (id));
        done(members[1], address(consortium), revoke);
        executeRefused(members[0], id, abi.encodeWithSelector(Consortium.NotEnoughApprovals.selector, id, 1, 2));
        bytes memory why = abi.encodeWithSelector(Consortium.NotApproved.selector, id, members[1]);
        refused(members[1], address(consortium), revoke, why);
        approve(members[1], id);
        execute(members[0], id);
    }

    function test_outsiders_do_nothing() public {
        uint256 id = propose(members[0], counting());
        bytes memory why = refusal(Consortium.NotMember.selector, OUTSIDER);
        bytes memory call = abi.encodeCall(Consortium.propose, (address(this), counting()));
        refused(OUTSIDER, address(consortium), call, why);
        approveRefused(OUTSIDER, id, why);
        executeRefused(OUTSIDER, id, why);
        refused(OUTSIDER, address(consortium), abi.encodeCall(Consortium.revokeApproval, (id)), why);
        why = refusal(Consortium.NotSelf.selector, members[0]);
        refused(members[0], address(consortium), membership(none(), none(), 1), why);
    }

    function test_votes_of_former_members_are_void() public {
        uint256 open = approved(address(this), counting());
        decide(address(consortium), membership(one(members[0]), one(OUTSIDER), 2));
        bytes memory why = refusal(Consortium.ProposalVoid.selector, open);
        executeRefused(members[1], open, why);
        approveRefused(OUTSIDER, open, why);
        executeRefused(members[0], open, refusal(Consortium.NotMember.selector, members[0]));
        isTrue(!consortium.isMember(members[0]));
        // Not even when the member is back.
        members[0] = OUTSIDER;
        decide(address(consortium), membership(none(), one(vm.addr(1)), 2));
        executeRefused(members[1], open, why);
        equal(consortium.epoch(), 2);
        equal(consortium.members().length, 4);
        equal(calls, 0);
    }

    function test_a_proposal_lapses() public {
        uint256 id = approved(address(this), counting());
        uint256 last = START + consortium.PROPOSAL_LIFETIME();
        vm.warp(last + 1);
        bytes memory why = refusal(Consortium.ProposalExpired.selector, id, last);
        executeRefused(members[0], id, why);
        approveRefused(members[2], id, why);
        vm.warp(last);
        execute(members[0], id);
    }

    function test_a_failure_is_passed_on_and_the_proposal_stays_open() public {
        decideRefused(address(this), abi.encodeCall(ConsortiumTest.fail, ()), refusal(Failed.selector, uint256(7)));
        bytes memory silent = abi.encodeCall(ConsortiumTest.failSilently, ());
        decideRefused(address(this), silent, refusal(Consortium.CallFailed.selector, address(this)));
        decideRefused(OUTSIDER, "", refusal(Consortium.NotAContract.selector, OUTSIDER));
        isTrue(!consortium.proposal(0).executed);
        equal(consortium.proposalCount(), 3);
    }

    function test_unknown_proposals_are_refused() public {
        bytes memory why = refusal(Consortium.UnknownProposal.selector, uint256(0));
        executeRefused(members[0], 0, why);
        approveRefused(members[0], 0, why);
        refused(OUTSIDER, address(consortium), abi.encodeCall(Consortium.proposal, (0)), why);
    }

    function membershipRefused(bytes memory change, bytes memory why) internal {
        decideRefused(address(consortium), change, why);
    }

    function test_membership_stays_sound() public {
        bytes4 threshold = Consortium.InvalidThreshold.selector;
        membershipRefused(membership(none(), none(), 0), refusal(threshold, 0, 3));
        membershipRefused(membership(none(), none(), 4), refusal(threshold, 4, 3));
        membershipRefused(membership(members, none(), 1), refusal(threshold, 1, 0));
        bytes4 taken = Consortium.AlreadyMember.selector;
        membershipRefused(membership(none(), one(members[0]), 2), refusal(taken, members[0]));
        bytes4 missing = Consortium.NotMember.selector;
        membershipRefused(membership(one(OUTSIDER), none(), 2), refusal(missing, OUTSIDER));
        bytes4 wrong = Consortium.InvalidMember.selector;
        membershipRefused(membership(none(), one(address(0)), 2), refusal(wrong, address(0)));
        membershipRefused(membership(none(), one(address(consortium)), 2), refusal(wrong, address(consortium)));
        equal(consortium.epoch(), 0);
    }

    function found(address[] memory founders, uint16 threshold) external returns (Consortium) {
        return new Consortium(founders, threshold);
    }

    function test_a_consortium_has_at_most_so_many_members() public {
        uint256 limit = consortium.MAX_MEMBERS();
        address[] memory founders = new address[](limit + 1);
        for (uint256 i = 0; i <= limit; ++i) {
            founders[i] = address(uint160(i + 1));
        }
        bytes memory call = abi.encodeCall(this.found, (founders, 1));
        refused(OUTSIDER, address(this), call, refusal(Consortium.TooManyMembers.selector, limit + 1, limit));
        assembly ("memory-safe") {
            mstore(founders, limit)
        }
        equal(this.found(founders, uint16(limit)).members().length, limit);
    }

    function testFuzz_exactly_the_threshold_is_needed(uint8 size, uint8 needed, uint256 voters) public {
        uint256 count_ = 1 + uint256(size) % 12;
        uint16 threshold = uint16(1 + uint256(needed) % count_);
        delete members;
        for (uint256 i = 0; i < count_; ++i) {
            members.push(address(uint160(0x1000 + i)));
        }
        consortium = new Consortium(members, threshold);
        uint256 id = propose(members[0], counting());
        uint256 votes = 1;
        for (uint256 i = 1; i < count_; ++i) {
            if (voters >> i & 1 == 0) continue;
            approve(members[i], id);
            ++votes;
        }
        if (votes >= threshold) {
            execute(members[0], id);
            equal(calls, 1);
        } else {
            bytes memory why =
                abi.encodeWithSelector(Consortium.NotEnoughApprovals.selector, id, votes, uint256(threshold));
            executeRefused(members[0], id, why);
        }
    }
}
