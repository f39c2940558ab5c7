// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Consortium} from "../src/Consortium.sol";
import {Harness} from "./Harness.sol";

/// @title Six accounts, of which some are members at a time, do what they like; a model says what each act comes to.
contract Voters is Harness {
    struct Model {
        uint256 epoch;
        uint256 proposedAt;
        // Who approves it, a bit for each account.
        uint256 voters;
        bool isExecuted;
        // The membership that it sets; none if it is 0.
        uint256 membership;
        uint16 threshold;
    }

    uint256 internal constant ACCOUNTS = 6;

    Model[] internal proposals;
    uint256 internal membership = 7;
    uint256 internal threshold = 2;
    uint256 internal epoch;
    uint256 internal calls;
    uint256 internal executions;

    constructor() {
        vm.warp(START);
        for (uint256 i = 0; i < 3; ++i) {
            members.push(account(i));
        }
        consortium = new Consortium(members, 2);
    }

    function account(uint256 i) internal pure returns (address) {
        return address(uint160(0x1000 + i));
    }

    function count() external {
        equal(msg.sender, address(consortium));
        ++calls;
    }

    function proposeCall(uint256 by) external {
        _propose(by, 0, 0, address(this), abi.encodeCall(Voters.count, ()));
    }

    function proposeMembership(uint256 by, uint256 next, uint256 needed) external {
        next = 1 + next % ((1 << ACCOUNTS) - 1);
        uint16 newThreshold = uint16(1 + needed % _size(next));
        bytes memory change = abi.encodeCall(
            Consortium.changeMembership, (_list(membership & ~next), _list(next & ~membership), newThreshold)
        );
        _propose(by, next, newThreshold, address(consortium), change);
    }

    function approve(uint256 by, uint256 seed) external {
        if (proposals.length == 0) return;
        (uint256 id, uint256 bit) = _choose(by, seed);
        bool ought = _isOpen(id) && membership & bit != 0 && proposals[id].voters & bit == 0;
        isTrue(_try(by, abi.encodeCall(Consortium.approve, (id))) == ought);
        if (ought) proposals[id].voters |= bit;
    }

    function revoke(uint256 by, uint256 seed) external {
        if (proposals.length == 0 || seed % 4 != 0) return;
        (uint256 id, uint256 bit) = _choose(by, seed);
        bool ought = _isOpen(id) && membership & bit != 0 && proposals[id].voters & bit != 0;
        isTrue(_try(by, abi.encodeCall(Consortium.revokeApproval, (id))) == ought);
        if (ought) proposals[id].voters &= ~bit;
    }

    function execute(uint256 by, uint256 seed) external {
        if (proposals.length == 0) return;
        (uint256 id, uint256 bit) = _choose(by, seed);
        // Votes of members, and of members only.
        bool enough = _size(proposals[id].voters & membership) >= threshold;
        bool ought = _isOpen(id) && membership & bit != 0 && enough;
        isTrue(_try(by, abi.encodeCall(Consortium.execute, (id))) == ought);
        if (!ought) return;
        proposals[id].isExecuted = true;
        if (proposals[id].membership == 0) {
            ++executions;
        } else {
            (membership, threshold) = (proposals[id].membership, proposals[id].threshold);
            ++epoch;
        }
    }

    function wait_(uint24 time) external {
        vm.warp(block.timestamp + time % 10 days);
    }

    function requireAsModelled() external view {
        equal(calls, executions);
        equal(consortium.epoch(), epoch);
        equal(consortium.threshold(), threshold);
        equal(consortium.members().length, _size(membership));
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            isTrue(consortium.isMember(account(i)) == (membership >> i & 1 == 1));
        }
    }

    function _propose(uint256 by, uint256 next, uint16 newThreshold, address target, bytes memory data) private {
        by %= ACCOUNTS;
        bool ought = membership >> by & 1 == 1;
        isTrue(_try(by, abi.encodeCall(Consortium.propose, (target, data))) == ought);
        if (ought) proposals.push(Model(epoch, block.timestamp, 1 << by, false, next, newThreshold));
    }

    function _try(uint256 by, bytes memory data) private returns (bool ok) {
        vm.prank(account(by % ACCOUNTS));
        (ok,) = address(consortium).call(data);
    }

    /// One of the last proposals, and the account's bit.
    function _choose(uint256 by, uint256 seed) private view returns (uint256 id, uint256 bit) {
        uint256 last = proposals.length - 1;
        uint256 back = seed % 4;
        return (back > last ? 0 : last - back, 1 << (by % ACCOUNTS));
    }

    function _isOpen(uint256 id) private view returns (bool) {
        Model storage proposal = proposals[id];
        bool lapsed = block.timestamp > proposal.proposedAt + 30 days;
        return !proposal.isExecuted && proposal.epoch == epoch && !lapsed;
    }

    function _size(uint256 set) private pure returns (uint256 size) {
        for (; set != 0; set &= set - 1) {
            ++size;
        }
    }

    function _list(uint256 set) private pure returns (address[] memory list) {
        list = new address[](_size(set));
        uint256 next;
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            if (set >> i & 1 == 1) list[next++] = account(i);
        }
    }
}

/// @title What holds of the consortium after any sequence of acts.
contract ConsortiumInvariantTest is Harness {
    Voters internal voters;

    function setUp() public {
        voters = new Voters();
        vm.warp(START);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(voters);
    }

    function targetSelectors() external view returns (Selectors[] memory targets) {
        bytes4[] memory acts = new bytes4[](6);
        acts[0] = Voters.proposeCall.selector;
        acts[1] = Voters.proposeMembership.selector;
        acts[2] = Voters.approve.selector;
        acts[3] = Voters.revoke.selector;
        acts[4] = Voters.execute.selector;
        acts[5] = Voters.wait_.selector;
        targets = new Selectors[](1);
        targets[0] = Selectors(address(voters), acts);
    }

    /// forge-config: default.invariant.runs = 256
    function invariant_votes_count_while_their_members_are_members() public view {
        voters.requireAsModelled();
    }
}

/// Which functions of a contract a campaign calls, as forge asks for them.
struct Selectors {
    address addr;
    bytes4[] selectors;
}
