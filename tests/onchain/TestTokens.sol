// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A token that behaves as it is told, well or badly. Compiled as zkmargin/contracts/README.md says.
contract TestToken {
    enum Behaviour {
        Plain,
        Silent, // answers nothing at all
        Fee, // keeps a hundredth
        Generous, // gives one more
        False, // answers false, and does nothing
        Shrinking, // takes from the recipient instead
        Reentrant // calls back, and leaves the transfer to that call
    }

    Behaviour public behaviour;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => bool) public frozen;
    bytes public callback;
    bytes public answer;
    bool private inside;

    constructor(Behaviour behaviour_) {
        behaviour = behaviour_;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        return true;
    }

    function freeze(address holder) external {
        frozen[holder] = true;
    }

    function become(Behaviour behaviour_, bytes calldata callback_) external {
        behaviour = behaviour_;
        callback = callback_;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        return move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        if (from != address(this)) allowance[from][msg.sender] -= amount;
        return move(from, to, amount);
    }

    function move(address from, address to, uint256 amount) private returns (bool) {
        if (behaviour == Behaviour.False) return false;
        require(!frozen[to], "frozen");
        if (behaviour == Behaviour.Reentrant && !inside) {
            inside = true;
            (, answer) = msg.sender.call(callback);
            inside = false;
            return true;
        }
        if (behaviour == Behaviour.Shrinking) {
            balanceOf[to] -= amount;
            return true;
        }
        balanceOf[from] -= amount;
        if (behaviour == Behaviour.Fee) amount -= amount / 100;
        if (behaviour == Behaviour.Generous) amount += 1;
        balanceOf[to] += amount;
        if (behaviour == Behaviour.Silent) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }
}

/// An owner that is a contract: it may refuse coins, or call back when it gets them.
contract TestOwner {
    bool public refuses;
    bytes public callback;
    bytes public answer;
    bool public answered;

    function become(bool refuses_, bytes calldata callback_) external {
        refuses = refuses_;
        callback = callback_;
    }

    function run(address to, uint256 value, bytes calldata data) external payable {
        (bool called, bytes memory result) = to.call{value: value}(data);
        if (!called) {
            assembly {
                revert(add(result, 32), mload(result))
            }
        }
    }

    function runAll(address to, bytes[] calldata calls) external {
        for (uint256 index = 0; index < calls.length; ++index) this.run(to, 0, calls[index]);
    }

    receive() external payable {
        require(!refuses, "no coins");
        if (callback.length != 0) (answered, answer) = msg.sender.call(callback);
    }
}
